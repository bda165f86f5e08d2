import type { Clock } from '#base';
import type { CallResponse } from '../protocol/types.ts';
import type { Page } from './pages.ts';
import type { ServiceRoute } from './service.ts';

export interface HealthOptions {
  readonly version: string;
  readonly services: readonly ServiceRoute[];
  readonly clock: Clock;
  /** Services that nobody called yet are `available`, the others `running`. */
  isLoaded(service: string): boolean;
}

/** Where scripts written for other emulators ask whether there is somebody, and whether it is ready. */
export function healthPages({ version, services, clock, isLoaded }: HealthOptions): Page[] {
  const began = clock.now();
  const health: Page['answer'] = () => {
    const states = Object.fromEntries(services.map(({ name }) => [name, isLoaded(name) ? 'running' : 'available']));
    return page({ services: states, edition: 'batuta', version });
  };
  const info: Page['answer'] = () =>
    page({
      version,
      edition: 'batuta',
      is_license_activated: false,
      session_id: '',
      machine_id: '',
      system: process.platform,
      is_docker: false,
      server_time_utc: new Date(clock.now()).toISOString().slice(0, 19),
      uptime: Math.floor((clock.now() - began) / 1000),
    });
  // Whoever gets an answer finds everything started: there are no scripts to wait for.
  const stages = { BOOT: true, START: true, READY: true, SHUTDOWN: false };
  const init: Page['answer'] = () => page({ completed: stages, scripts: [] });
  const stage = (name: keyof typeof stages): Page => ({
    path: `/_localstack/init/${name.toLowerCase()}`,
    method: 'GET',
    answer: () => page({ completed: stages[name], scripts: [] }),
  });
  return [
    { path: '/_localstack/health', method: 'GET', answer: health },
    { path: '/_batuta/health', method: 'GET', answer: health },
    { path: '/_localstack/info', method: 'GET', answer: info },
    { path: '/_localstack/init', method: 'GET', answer: init },
    stage('BOOT'),
    stage('START'),
    stage('READY'),
    stage('SHUTDOWN'),
  ];
}

/** On one line with a space behind colons and commas: scripts look for `"s3": "running"`. */
const page = (value: unknown): CallResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value, null, 1).replaceAll(/\n */g, ' '),
});

import { jsonPage, type Page } from './pages.ts';
import type { ServiceRoute } from './service.ts';

/** Where scripts written for other emulators ask whether there is somebody. */
export function healthPages({ version, services }: { version: string; services: readonly ServiceRoute[] }): Page[] {
  const states = Object.fromEntries(services.map(({ name }) => [name, 'running']));
  const health: Page['answer'] = () => jsonPage(200, { services: states, edition: 'batuta', version });
  return [
    { path: '/_localstack/health', method: 'GET', answer: health },
    { path: '/_batuta/health', method: 'GET', answer: health },
    {
      path: '/_localstack/info',
      method: 'GET',
      answer: () => jsonPage(200, { version, edition: 'batuta', is_license_activated: false, session_id: '', system: process.platform, is_docker: false }),
    },
  ];
}

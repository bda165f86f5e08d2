import { Metrics } from '#base';
import { sendText } from './respond.ts';
import type { Exchange } from './types.ts';

/** A named condition of being well: undefined, or what is wrong. */
export interface HealthCheck {
  readonly name: string;
  /** Only readiness depends on it, not liveness. */
  readonly readinessOnly?: boolean;
  check(): string | undefined;
}

const endpoints = ['healthz', 'livez', 'readyz'] as const;
type Endpoint = (typeof endpoints)[number];

/** /livez, /readyz and /healthz with ?verbose, ?exclude=NAME and one path per check, in kube-apiserver's words. */
export class Health {
  readonly #checks: HealthCheck[];
  readonly #slis = new Metrics();
  readonly #count;
  constructor(checks: readonly HealthCheck[]) {
    this.#checks = [{ name: 'ping', check: () => undefined }, ...checks];
    this.#count = this.#metrics();
  }
  add(check: HealthCheck): void {
    this.#checks.push(check);
  }
  /** The metrics of /metrics/slis. */
  slis(): Metrics {
    return this.#slis;
  }
  /** Gives the code, or undefined when the path is not about health. */
  handle({ info, response }: Exchange): number | undefined {
    const [, first = '', ...rest] = info.path.split('/');
    const endpoint = endpoints.find((one) => one === first);
    if (!endpoint) return undefined;
    const name = rest.join('/').replace(/\/$/, '');
    const checks = this.#of(endpoint);
    if (name) return this.#one(response, checks, endpoint, name);
    const excluded = new Set(info.query?.getAll('exclude') ?? []);
    const failures = new Map<string, string>();
    const lines: string[] = [];
    for (const check of checks) {
      if (excluded.delete(check.name)) {
        lines.push(`[+]${check.name} excluded: ok`);
        continue;
      }
      const failure = this.#ask(check, endpoint);
      if (failure !== undefined) failures.set(check.name, failure);
      // Why is for those who may ask for the one check: this page is open to everyone.
      lines.push(failure === undefined ? `[+]${check.name} ok` : `[-]${check.name} failed: reason withheld`);
    }
    if (excluded.size > 0) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...excluded].map((n) => JSON.stringify(n)).join(',')}`);
    const verbose = info.query?.has('verbose') ?? false;
    if (failures.size > 0) return send(response, 500, `${lines.join('\n')}\n${endpoint} check failed\n`);
    return send(response, 200, verbose ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok');
  }
  #one(response: Exchange['response'], checks: readonly HealthCheck[], endpoint: Endpoint, name: string): number | undefined {
    const check = checks.find((one) => one.name === name);
    if (!check) return undefined;
    const failure = this.#ask(check, endpoint);
    return failure === undefined ? send(response, 200, 'ok') : send(response, 500, `internal server error: ${failure}\n`);
  }
  #of(endpoint: Endpoint): HealthCheck[] {
    return this.#checks.filter((check) => endpoint === 'readyz' || !check.readinessOnly);
  }
  #ask(check: HealthCheck, endpoint: Endpoint): string | undefined {
    const failure = check.check();
    this.#count(check.name, endpoint, failure === undefined ? 'success' : 'error');
    return failure;
  }
  #metrics(): (name: string, endpoint: Endpoint, status: 'success' | 'error') => void {
    const now = this.#slis.gauge({
      name: 'kubernetes_healthcheck',
      help: 'This metric records the result of a single healthcheck.',
      labels: ['name', 'type'],
      stability: 'STABLE',
    });
    const total = this.#slis.counter({
      name: 'kubernetes_healthchecks_total',
      help: 'This metric records the results of all healthcheck.',
      labels: ['name', 'status', 'type'],
      stability: 'STABLE',
    });
    const count = (name: string, endpoint: Endpoint, status: 'success' | 'error'): void => {
      now.with(name, endpoint).set(status === 'success' ? 1 : 0);
      total.with(name, status, endpoint).inc();
    };
    this.#slis.collect(() => {
      for (const endpoint of endpoints) for (const check of this.#of(endpoint)) this.#ask(check, endpoint);
    });
    return count;
  }
}
function send(response: Exchange['response'], code: number, text: string): number {
  sendText(response, code, text);
  return code;
}

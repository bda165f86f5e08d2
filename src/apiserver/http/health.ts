import { sendText } from './respond.ts';
import type { Exchange } from './types.ts';

/** A named condition of being well: undefined, or what is wrong. */
export interface HealthCheck {
  readonly name: string;
  /** Only readiness depends on it, not liveness. */
  readonly readinessOnly?: boolean;
  check(): string | undefined;
}

/** /livez, /readyz and /healthz with ?verbose, ?exclude=NAME and one path per check, in kube-apiserver's words. */
export class Health {
  readonly #checks: HealthCheck[];
  constructor(checks: readonly HealthCheck[]) {
    this.#checks = [{ name: 'ping', check: () => undefined }, ...checks];
  }
  add(check: HealthCheck): void {
    this.#checks.push(check);
  }
  /** Gives the code, or undefined when the path is not about health. */
  handle({ info, response }: Exchange): number | undefined {
    const [, endpoint = '', name, more] = info.path.split('/');
    if (endpoint !== 'livez' && endpoint !== 'readyz' && endpoint !== 'healthz') return undefined;
    const checks = this.#checks.filter((check) => endpoint === 'readyz' || !check.readinessOnly);
    const failures = new Map(checks.map((check) => [check.name, check.check()]));
    if (more !== undefined) return undefined;
    if (name) return failures.has(name) ? one(response, failures.get(name)) : undefined;
    const excluded = new Set(info.query?.getAll('exclude') ?? []);
    const bad = checks.filter((check) => !excluded.has(check.name) && failures.get(check.name) !== undefined);
    const verbose = info.query?.has('verbose') ?? false;
    if (bad.length === 0 && !verbose) return send(response, 200, 'ok');
    const lines = checks.map(({ name: check }) => line(check, excluded.has(check), failures.get(check)));
    return send(response, bad.length === 0 ? 200 : 500, `${lines.join('\n')}\n${endpoint} check ${bad.length === 0 ? 'passed' : 'failed'}\n`);
  }
}
function line(name: string, excluded: boolean, failure: string | undefined): string {
  if (excluded) return `[+]${name} excluded: ok`;
  return failure === undefined ? `[+]${name} ok` : `[-]${name} failed: ${failure}`;
}
function one(response: Exchange['response'], failure: string | undefined): number {
  return failure === undefined ? send(response, 200, 'ok') : send(response, 500, `internal server error: ${failure}\n`);
}
function send(response: Exchange['response'], code: number, text: string): number {
  sendText(response, code, text);
  return code;
}

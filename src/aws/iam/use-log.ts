import { formatTime, type Clock, type Logger } from '#base';
import { IAMUse, type IamLastUse, type IamUseSpec } from '#kinds';
import type { Caller } from '../gateway/call.ts';
import type { State } from '../state/state.ts';
import { globalRegion } from '../state/table.ts';

/** At most once in this time the same use is written down, ms. */
const period = 15 * 60 * 1000;
const unwritten = -Infinity;
/** Users, roles and keys that are remembered beside what is written. */
const most = 10_000;

interface Use extends Omit<IamLastUse, 'date'> {
  time: number;
  written: number;
}
interface Remembered {
  readonly account: string;
  readonly arn: string | undefined;
  readonly services: Map<string, Map<string, Use>>;
  writing: boolean;
}

/**
 * Remembers what users, roles and access keys were used for, without a write for every call. What is remembered is true
 * at once; what is written is at most a quarter of an hour behind, and that much may be forgotten by a crash.
 */
export class UseLog {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #known = new Map<string, Remembered>();

  constructor(state: State, clock: Clock, log: Logger) {
    this.#state = state;
    this.#clock = clock;
    this.#log = log;
  }

  /** A caller proved who he is and asked for something, whether he got it or not. */
  note(caller: Caller, service: string, action: string, region: string): void {
    if (!caller.session) this.#note(caller.accessKeyId, caller.account, undefined, service, action, region);
    if (caller.type === 'user') this.#note(caller.userId, caller.account, caller.arn, service, action, region);
    else if (caller.roleArn !== undefined)
      this.#note(caller.userId.slice(0, caller.userId.indexOf(':')), caller.account, caller.roleArn, service, action, region);
  }

  #note(id: string, account: string, arn: string | undefined, service: string, action: string, region: string): void {
    let known = this.#known.get(id);
    if (!known) {
      if (this.#known.size >= most) this.#known.delete(this.#known.keys().next().value as string);
      this.#known.set(id, (known = { account, arn, services: new Map(), writing: false }));
    }
    let actions = known.services.get(service);
    if (!actions) known.services.set(service, (actions = new Map()));
    let use = actions.get(action);
    if (!use) actions.set(action, (use = { time: 0, region, written: unwritten }));
    const now = this.#clock.now();
    use.time = now;
    use.region = region;
    if (now - use.written >= period && !known.writing) this.#write(id, known);
  }

  #write(id: string, known: Remembered): void {
    known.writing = true;
    const now = this.#clock.now();
    for (const actions of known.services.values()) for (const use of actions.values()) use.written = now;
    this.#state
      .table(IAMUse)
      .put({ account: known.account, region: globalRegion }, id, (kept) => merge(kept, known))
      .catch((error: unknown) => this.#log.warn('the use of a key was not written', { id, error }))
      .finally(() => {
        known.writing = false;
        // What came up meanwhile for the first time must not wait for a second time.
        if ([...known.services.values()].some((actions) => [...actions.values()].some(({ written }) => written === unwritten))) this.#write(id, known);
      });
  }

  /** What a user, a role (by their unique ids) or a key was used for; undefined when for nothing. */
  of(account: string, id: string): IamUseSpec | undefined {
    const kept = this.#state.table(IAMUse).get({ account, region: globalRegion }, id);
    const known = this.#known.get(id);
    return known ? merge(kept, known) : kept;
  }
}

/** What is written, with what is remembered since. */
function merge(kept: IamUseSpec | undefined, { arn, services }: Remembered): IamUseSpec {
  const out: IamUseSpec = { ...(arn === undefined ? {} : { arn }), services: { ...kept?.services } };
  for (const [service, uses] of services) {
    const actions = { ...out.services[service]?.actions };
    for (const [action, { time, region }] of uses) actions[action] = { date: formatTime(time), region };
    const last = Object.values(actions).reduce((a, b) => (a.date >= b.date ? a : b));
    out.services[service] = { date: last.date, region: last.region, actions };
  }
  return out;
}
/** The service that something was used for last. */
export function lastUse(use: IamUseSpec | undefined): (IamLastUse & { readonly service: string }) | undefined {
  const all = Object.entries(use?.services ?? {}).map(([service, { date, region }]) => ({ service, date, region }));
  return all.length === 0 ? undefined : all.reduce((a, b) => (a.date >= b.date ? a : b));
}

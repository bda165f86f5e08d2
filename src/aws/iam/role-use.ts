import type { Clock, Logger } from '#base';
import { formatTime } from '#base';
import { IAMRole } from '#kinds';
import { globalRegion } from '../state/table.ts';
import type { State } from '../state/state.ts';
import { iamId } from './identities.ts';

/** At most once in this time is it written down that a role was used, ms. */
const period = 15 * 60 * 1000;

/** Remembers when roles were used last, without a write for every session. */
export class RoleUse {
  readonly #state: State;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #written = new Map<string, number>();

  constructor(state: State, clock: Clock, log: Logger) {
    this.#state = state;
    this.#clock = clock;
    this.#log = log;
  }

  note(arn: string): void {
    const now = this.#clock.now();
    if (now - (this.#written.get(arn) ?? 0) < period) return;
    this.#written.set(arn, now);
    const account = arn.split(':')[4] ?? '';
    const id = iamId(arn.slice(arn.lastIndexOf('/') + 1));
    this.#state
      .table(IAMRole)
      .update({ account, region: globalRegion }, id, (role) => ({ ...role, lastUsed: { date: formatTime(now), region: 'us-east-1' } }))
      .catch((error: unknown) => this.#log.warn('the last use of a role was not written', { arn, error }));
  }
}

import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import type { V2HorizontalPodAutoscalerCondition as Condition, V2HorizontalPodAutoscalerStatus as Status } from '#kinds';

type Type = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';

/** The status of an autoscaler while it is worked out. What was there stays until it is set anew. */
export class Draft {
  readonly #now: string;
  readonly #before: Status | undefined;
  readonly #conditions: Condition[];
  constructor(before: Status | undefined, now: number) {
    this.#now = formatTime(now);
    this.#before = before;
    this.#conditions = [...(before?.conditions ?? [])];
  }
  condition(type: Type, is: boolean, reason: string, message: string): void {
    const status = is ? 'True' : 'False';
    const at = this.#conditions.findIndex((one) => one.type === type);
    const old = this.#conditions[at];
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? this.#now) : this.#now;
    const next = { type, status, reason, message, lastTransitionTime };
    if (at < 0) this.#conditions.push(next);
    else this.#conditions[at] = next;
  }
  /** The status with what is given in the place of what was; undefined when that changes nothing. */
  finish(changes: Partial<Status>, rescaled = false): Status | undefined {
    const { lastScaleTime } = this.#before ?? {};
    const status: Status = {
      desiredReplicas: 0,
      ...this.#before,
      ...changes,
      ...(rescaled ? { lastScaleTime: this.#now } : lastScaleTime ? { lastScaleTime } : {}),
      conditions: this.#conditions,
    };
    if (changes.currentMetrics?.length === 0) delete status.currentMetrics;
    return this.#before && isDeepStrictEqual({ ...status }, { ...this.#before }) ? undefined : status;
  }
}

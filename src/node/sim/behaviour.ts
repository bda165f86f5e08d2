import { parseDuration, type Random } from '#base';

/** How a simulated pod behaves: `batuta.dev/sim-<what>` annotations of the pod, or `batuta.dev/sim-<what>.<container>` for one container. */
export const simPrefix = 'batuta.dev/sim-';
/** kwok's: `<stage>.stage.kwok.x-k8s.io/delay` and `…/jitter-delay`. */
const stageMark = '.stage.kwok.x-k8s.io/';

type Annotations = Readonly<Record<string, string>>;

/** Whether an annotation steers the simulation. */
export const steers = (annotation: string): boolean => annotation.startsWith(simPrefix) || annotation.includes(stageMark);

/** What an annotation says of a container: its own word before the one for all. */
export function steer(annotations: Annotations, what: string, container: string): string | undefined {
  return annotations[`${simPrefix}${what}.${container}`] ?? annotations[`${simPrefix}${what}`];
}

/** A time between two bounds, ms: drawn anew each time that it is needed. */
export type Span = readonly [least: number, most: number];
export const draw = ([least, most]: Span, random: Random): number => (most <= least ? least : least + random.next() * (most - least));

export interface Behaviour {
  startDelay: Span;
  stopDelay: Span;
  /** After the start; undefined = runs until stopped. */
  exitAfter: Span | undefined;
  exitCode: number;
  exitReason: string;
  /** Probes succeed from this time after the start on, ms. */
  startupAfterMs: number;
  readyAfterMs: number;
  /** … and fail from this time on. */
  readyUntilMs: number;
  aliveUntilMs: number;
  /** Kinds of probe that always fail: startup, readiness, liveness, hook, exec. */
  failing: readonly string[];
}

const atOnce: Span = [0, 0];
const forever = Infinity;

/** `attempt` counts the starts of the container before this one; a container before the others ends by itself. */
export function behaviourOf(
  annotations: Annotations,
  container: string,
  { attempt = 0, initial = false }: { attempt?: number; initial?: boolean } = {},
): Behaviour {
  const value = (what: string): string | undefined => steer(annotations, what, container);
  const exitCode = Number(value('exit-code') ?? 0);
  const attempts = Number(value('exit-attempts') ?? forever);
  const told = parseSpan(value('exit-after')) ?? stage(annotations, 'pod-complete') ?? (value('exit-code') === undefined && !initial ? undefined : atOnce);
  return {
    startDelay: parseSpan(value('start-delay')) ?? stage(annotations, 'pod-ready') ?? atOnce,
    stopDelay: parseSpan(value('stop-delay')) ?? stage(annotations, 'pod-delete') ?? atOnce,
    exitAfter: attempt < attempts ? told : undefined,
    exitCode: Number.isInteger(exitCode) ? exitCode : 1,
    exitReason: value('exit-reason') ?? (exitCode === 0 ? 'Completed' : 'Error'),
    startupAfterMs: parseDuration(value('startup-after')) ?? 0,
    readyAfterMs: parseDuration(value('ready-after')) ?? 0,
    readyUntilMs: parseDuration(value('ready-until')) ?? forever,
    aliveUntilMs: parseDuration(value('alive-until')) ?? forever,
    failing: (value('fail') ?? '').split(',').map((s) => s.trim()),
  };
}

/** What kwok's annotations say of one of its stages. */
function stage(annotations: Annotations, name: string): Span | undefined {
  const least = parseDuration(annotations[`${name}${stageMark}delay`]);
  const most = parseDuration(annotations[`${name}${stageMark}jitter-delay`]);
  if (least === undefined) return most === undefined ? undefined : [0, most];
  return [least, most ?? least];
}

/** `2s`, or `2s..10s`: something between. */
function parseSpan(text: string | undefined): Span | undefined {
  const [from, to, more] = (text ?? '').split('..');
  const least = parseDuration(from);
  const most = to === undefined ? least : parseDuration(to);
  return least === undefined || most === undefined || more !== undefined ? undefined : [least, most];
}

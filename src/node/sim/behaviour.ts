/** How a simulated pod behaves: `batuta.dev/sim-<what>` annotations of the pod, or `batuta.dev/sim-<what>.<container>` for one container. */
export const simPrefix = 'batuta.dev/sim-';

/** What an annotation says of a container: its own word before the one for all. */
export function steer(annotations: Readonly<Record<string, string>>, what: string, container: string): string | undefined {
  return annotations[`${simPrefix}${what}.${container}`] ?? annotations[`${simPrefix}${what}`];
}

export interface Behaviour {
  startDelayMs: number;
  stopDelayMs: number;
  /** ms after the start; undefined = runs until stopped. */
  exitAfterMs: number | undefined;
  exitCode: number;
  exitReason: string;
  /** Kinds of probe that fail: startup, readiness, liveness, hook, exec. */
  failing: readonly string[];
}

export function behaviourOf(annotations: Readonly<Record<string, string>>, container: string): Behaviour {
  const value = (what: string): string | undefined => steer(annotations, what, container);
  const exitCode = Number(value('exit-code') ?? 0);
  const exitAfter = value('exit-after') ?? (value('exit-code') === undefined ? undefined : '0s');
  return {
    startDelayMs: parseDuration(value('start-delay')) ?? 0,
    stopDelayMs: parseDuration(value('stop-delay')) ?? 0,
    exitAfterMs: parseDuration(exitAfter),
    exitCode: Number.isInteger(exitCode) ? exitCode : 1,
    exitReason: value('exit-reason') ?? (exitCode === 0 ? 'Completed' : 'Error'),
    failing: (value('fail') ?? '').split(',').map((s) => s.trim()),
  };
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** `500ms`, `2s`, `1m30s`, or seconds as a plain number, in ms; undefined when absent or malformed. */
export function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|s|m|h)/g)) sum += Number(number) * (units[unit as string] as number);
  return sum;
}

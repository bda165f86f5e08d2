import type { V1Deployment } from '#kinds';

export const rollbackAnnotation = {
  /** `true`, or a list of `progress` and `crash`. */
  policy: 'batuta.dev/auto-rollback',
  /** Restarts of one container that make a pod a crashing one. Default 3. */
  restarts: 'batuta.dev/auto-rollback-restarts',
  /** How long after its rollout a revision can still be given up because it crashes, seconds. Default 120. */
  window: 'batuta.dev/auto-rollback-window-seconds',
  /** Written by the controller: what failed, and what was done. */
  record: 'batuta.dev/auto-rollback-record',
  /** Written on a ReplicaSet: its rollout was complete, it is a place to go back to. */
  proven: 'batuta.dev/rolled-out',
} as const;

export interface RollbackPolicy {
  readonly progress: boolean;
  readonly crash: boolean;
  readonly restarts: number;
  readonly windowMs: number;
}

/** What a Deployment wants; undefined when it wants nothing, an Error when it cannot be understood. */
export function policyOf(d: V1Deployment): RollbackPolicy | Error | undefined {
  const annotations = d.metadata?.annotations ?? {};
  const text = annotations[rollbackAnnotation.policy]?.trim();
  if (text === undefined || text === '' || text === 'false') return undefined;
  const words = text === 'true' ? ['progress'] : text.split(',').map((word) => word.trim());
  const unknown = words.find((word) => word !== 'progress' && word !== 'crash');
  if (unknown !== undefined) return new Error(`${rollbackAnnotation.policy}: "${unknown}" is none of true, false, progress, crash`);
  const restarts = whole(annotations, rollbackAnnotation.restarts, 3);
  const seconds = whole(annotations, rollbackAnnotation.window, 120);
  if (restarts instanceof Error) return restarts;
  if (seconds instanceof Error) return seconds;
  return { progress: words.includes('progress'), crash: words.includes('crash'), restarts, windowMs: seconds * 1000 };
}
function whole(annotations: { readonly [key: string]: string }, name: string, otherwise: number): number | Error {
  const text = annotations[name];
  if (text === undefined) return otherwise;
  return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : new Error(`${name}: "${text}" is not a number from 1`);
}

/** What is remembered, so that a template that failed is not rolled out and back for ever. */
export interface RollbackRecord {
  /** Hash of the template that failed. */
  failed: string;
  /** Hash of the template that took its place; absent when there was none. */
  to?: string;
  fromRevision: number;
  toRevision?: number;
  reason: string;
  time: string;
  /** The failed template came again and failed again: it was left as it is. */
  again?: boolean;
}
export function recordOf(d: V1Deployment): RollbackRecord | undefined {
  try {
    const value: unknown = JSON.parse(d.metadata?.annotations?.[rollbackAnnotation.record] ?? 'null');
    return typeof value === 'object' && value !== null && 'failed' in value ? (value as RollbackRecord) : undefined;
  } catch {
    return undefined;
  }
}

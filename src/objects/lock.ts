import { ObjectsError } from './errors.ts';

/** Until when a version may not go (Amazon S3 User Guide, Locking objects with Object Lock). */
export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  /** ms since the epoch. */
  readonly until: number;
}
export interface Lock {
  readonly retention?: Retention | undefined;
  /** A legal hold has no end: somebody takes it away. */
  readonly hold?: boolean | undefined;
}

/** What keeps a version at a time: a legal hold before a retention. */
export function activeLock(lock: Lock | undefined, now: number): 'HOLD' | Retention['mode'] | undefined {
  if (lock?.hold === true) return 'HOLD';
  return lock?.retention && lock.retention.until > now ? lock.retention.mode : undefined;
}

/** Throws AccessDenied for a version that may not go yet. */
export function checkLock(lock: Lock | undefined, now: number, bypass: boolean): void {
  const active = activeLock(lock, now);
  if (active === undefined || (active === 'GOVERNANCE' && bypass)) return;
  throw new ObjectsError('AccessDenied', 'Access Denied because object protected by object lock.');
}

/** Throws for a retention that would end earlier, or become weaker, than the one that holds. Longer is always allowed. */
export function checkRetention(before: Retention | undefined, after: Retention | undefined, now: number, bypass: boolean): void {
  if (after && after.until <= now) throw new ObjectsError('InvalidArgument', 'The retain until date must be in the future!');
  if (!before || before.until <= now) return;
  if (before.mode === 'GOVERNANCE' && bypass) return;
  const weaker = !after || after.until < before.until || (before.mode === 'COMPLIANCE' && after.mode === 'GOVERNANCE');
  if (weaker || (before.mode === 'GOVERNANCE' && after.mode !== before.mode))
    throw new ObjectsError('AccessDenied', 'Access Denied because object protected by object lock.');
}

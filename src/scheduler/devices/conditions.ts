import type { Clock } from '#base';
import type { Informer } from '#client';
import type { ResourceV1ResourceClaim, V1DeviceRequestAllocationResult } from '#kinds';

/** DynamicResourcesArgs.bindingTimeout. */
export const bindingTimeoutMs = 600_000;

const hasConditions = (result: V1DeviceRequestAllocationResult): boolean => Boolean(result.bindingConditions?.length);
export const waitsForConditions = ({ status }: ResourceV1ResourceClaim): boolean => status?.allocation?.devices?.results?.some(hasConditions) === true;

/** Whether drivers have prepared what a claim was given (KEP-5007). An Error: one of them says that it cannot be. */
export function bindingState({ metadata, status }: ResourceV1ResourceClaim): 'ready' | 'waiting' | Error {
  let state: 'ready' | 'waiting' = 'ready';
  for (const result of status?.allocation?.devices?.results ?? []) {
    if (!hasConditions(result)) continue;
    const own = status?.devices?.find(
      ({ driver, pool, device, shareID }) => driver === result.driver && pool === result.pool && device === result.device && shareID === result.shareID,
    );
    const isTrue = (type: string): boolean => own?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
    const failed = result.bindingFailureConditions?.find(isTrue);
    if (failed) return new Error(`claim ${metadata?.namespace ?? ''}/${metadata?.name ?? ''} binding failed: device ${result.device} has condition ${failed}`);
    if (!result.bindingConditions?.every(isTrue)) state = 'waiting';
  }
  return state;
}

/** Resolves when all the claims, by their uids, are ready. Rejects when one will not be, and after `timeoutMs`. */
export function conditionsMet(
  claims: Informer<ResourceV1ResourceClaim>,
  wanted: readonly ResourceV1ResourceClaim[],
  { clock, signal, timeoutMs }: { readonly clock: Clock; readonly signal: AbortSignal; readonly timeoutMs: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      timer.cancel();
      subscription.close();
      signal.removeEventListener('abort', aborted);
      if (error) reject(error);
      else resolve();
    };
    const aborted = (): void => settle(new Error('the pod is gone'));
    const look = (): void => {
      const states = wanted.map((claim) => {
        const now = claims.get(claim.metadata?.namespace, claim.metadata?.name ?? '');
        // The cache may be behind what was just written.
        return now?.metadata?.uid === claim.metadata?.uid && now?.status?.allocation ? bindingState(now) : 'waiting';
      });
      const failure = states.find((state) => state instanceof Error);
      if (failure) settle(failure);
      else if (!states.includes('waiting')) settle();
    };
    const timer = clock.after(timeoutMs, () => settle(new Error('device binding timeout')));
    const subscription = claims.onChange((claim, old) => {
      if (!wanted.some((one) => one.metadata?.uid === (claim ?? old)?.metadata?.uid)) return;
      queueMicrotask(() => (claim ? look() : settle(new Error(`claim ${old?.metadata?.namespace ?? ''}/${old?.metadata?.name ?? ''} is gone`))));
    });
    signal.addEventListener('abort', aborted);
    if (signal.aborted) aborted();
    else look();
  });
}

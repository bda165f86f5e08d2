const widest = 256;

/**
 * Runs `count` actions in batches of 1, 2, 4 … 256, each begun when the one before it succeeded: a refusal
 * that would hit all of them (a quota, say) is met once and not a thousand times. Gives the first error.
 */
export async function inBatches(count: number, action: (index: number) => Promise<void>): Promise<unknown> {
  for (let done = 0, size = 1; done < count; size = Math.min(size * 2, widest)) {
    const indexes = Array.from({ length: Math.min(size, count - done) }, (_, i) => done + i);
    const results = await Promise.allSettled(indexes.map(action));
    const failed = results.find((r) => r.status === 'rejected');
    if (failed) return failed.reason ?? new Error('failed without a reason');
    done += indexes.length;
  }
  return undefined;
}

import type { Clock, Timer } from '#base';

/** How far apart beats are, ms. */
const beatMs = 50;

type Beat = Set<() => void>;
const beats = new WeakMap<Clock, Map<number, Beat>>();

/**
 * Calls `fn` in about `ms`: at the last beat before, together with all that is due then. So what thousands of nodes in one
 * process say at their own pace costs a timer, a turn of the loop and a write to the disk for each beat, and not for each node.
 */
export function atBeat(clock: Clock, ms: number, fn: () => void): Timer {
  const now = clock.now();
  const at = Math.max(now, Math.floor((now + ms) / beatMs) * beatMs);
  let due = beats.get(clock);
  if (!due) beats.set(clock, (due = new Map<number, Beat>()));
  const beat = due.get(at) ?? newBeat(clock, due, at, at - now);
  // A function of its own for each call: `fn` may be asked for twice.
  const call = (): void => fn();
  beat.add(call);
  return { cancel: () => void beat.delete(call) };
}

function newBeat(clock: Clock, due: Map<number, Beat>, at: number, ms: number): Beat {
  const beat: Beat = new Set();
  due.set(at, beat);
  clock.after(ms, () => {
    due.delete(at);
    for (const call of beat) call();
  });
  return beat;
}

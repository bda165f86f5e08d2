import { randomFillSync, randomUUID } from 'node:crypto';

/** The only source of randomness. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  uuid(): string;
}

// Asking the operating system costs a microsecond or more whatever the size: numbers are drawn a pool at a time.
const pool = new Uint32Array(1024);
let left = 0;

export const systemRandom: Random = {
  next() {
    if (left === 0) {
      randomFillSync(pool);
      left = pool.length;
    }
    return (pool[--left] as number) / 0x1_0000_0000;
  },
  uuid: () => randomUUID(),
};

/** A reproducible generator (mulberry32) for tests and simulations. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const hex = (n: number): string => Array.from({ length: n }, () => Math.floor(next() * 16).toString(16)).join('');
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}` };
}

const safe = 'bcdfghjklmnpqrstvwxz2456789';
/** The suffix alphabet of Kubernetes' names: no vowels, no look-alikes. */
export function randomSuffix(random: Random, length = 5): string {
  let out = '';
  for (let i = 0; i < length; i++) out += safe[Math.floor(random.next() * safe.length)];
  return out;
}

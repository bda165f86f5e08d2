import { createHmac } from 'node:crypto';

/** Seconds that a code is shown for. */
const period = 30;

/** The step that a time (ms since the epoch) is in. */
export const stepAt = (ms: number): number => Math.floor(ms / 1000 / period);

/** The code of a step: six digits (RFC 6238 over RFC 4226, HMAC-SHA-1). */
export function codeOf(seed: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', seed).update(counter).digest();
  const offset = (mac[19] as number) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
}

/**
 * The first step near `around` from which on the codes are these, one after the other. Undefined when there is none
 * within `window` steps to each side, or none after the step that was used last.
 */
export function findSteps(seed: Uint8Array, codes: readonly string[], around: number, window: number, used = 0): number | undefined {
  for (let distance = 0; distance <= window; distance++) {
    for (const step of distance === 0 ? [around] : [around - distance, around + distance]) {
      if (step > used && codes.every((code, i) => codeOf(seed, step + i) === code)) return step;
    }
  }
  return undefined;
}

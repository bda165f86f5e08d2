import type * as Cborg from 'cborg';
import { AwsError } from '../gateway/errors.ts';

let codec: typeof Cborg | undefined;
/** Loads the codec, which nobody else needs: before the first value is read or written. */
export async function loadCbor(): Promise<void> {
  codec ??= await import('cborg');
}
function loaded(): typeof Cborg {
  if (!codec) throw new Error('CBOR is used before it is loaded');
  return codec;
}

/**
 * Values of CBOR (RFC 8949): texts, numbers, bigints past 2^53, booleans, null, Uint8Array, arrays, and Maps whatever
 * their keys are; a time (tag 1) is a Date. Throws AwsError with `code`.
 */
export function decodeCbor(bytes: Uint8Array, code: string): unknown {
  const { decode } = loaded();
  try {
    return decode(bytes, { useMaps: true, rejectDuplicateMapKeys: true, tags: { 1: (of) => timeOf(of()) } });
  } catch (error) {
    // A RangeError is a stack that has no more room.
    const why = error instanceof RangeError ? 'it is nested too deep' : (error as Error).message;
    throw new AwsError(code, `The request body is not valid CBOR: ${why}`);
  }
}
function timeOf(seconds: unknown): Date {
  if (typeof seconds !== 'number' && typeof seconds !== 'bigint') throw new Error('a time is a number');
  return new Date(Number(seconds) * 1000);
}

/** Dates become times (tag 1), in seconds; fractions always have eight bytes. */
export function encodeCbor(value: unknown): Uint8Array {
  const { encode, Token, Type } = loaded();
  const time = (date: Date): Cborg.Token[] => [new Token(Type.tag, 1), new Token(Type.float, date.getTime() / 1000)];
  return encode(value, { float64: true, ignoreUndefinedProperties: true, typeEncoders: { Date: time as never } });
}

import { crcBytes, crcPolynomials, type CrcName } from '#base';

/** The check of A followed by B, from those of A and B and the length of B: A's times x to the power of B's bits, modulo the polynomial. */
export function combineCrc(name: CrcName, a: bigint, b: bigint, bytesOfB: number): bigint {
  const { width, polynomial } = crcPolynomials[name];
  const multiply = (left: bigint, right: bigint): bigint => {
    let product = 0n;
    let value = right;
    for (let bit = 1n << (width - 1n); bit > 0n; bit >>= 1n) {
      if (left & bit) product ^= value;
      value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    }
    return product;
  };
  let power = 1n << (width - 1n); // x^0
  let square = 1n << (width - 2n); // x^1, then x^2, x^4 …
  for (let bits = BigInt(bytesOfB) * 8n; bits > 0n; bits >>= 1n) {
    if (bits & 1n) power = multiply(square, power);
    square = multiply(square, square);
  }
  return multiply(power, a) ^ b;
}

/** Base64 of the check, most significant byte first, as S3 writes it. */
export const crcToBase64 = (name: CrcName, value: bigint): string => crcBytes(name, value).toString('base64');
export const crcFromBase64 = (text: string): bigint => BigInt(`0x${Buffer.from(text, 'base64').toString('hex') || '0'}`);

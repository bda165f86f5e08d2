import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const characters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** RFC 4648, without padding. */
export function base32(bytes: Uint8Array): string {
  let bits = 0;
  let value = 0;
  let out = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      out += alphabet[(value >>> (bits - 5)) & 31];
      bits -= 5;
      value &= (1 << bits) - 1;
    }
  }
  return out;
}

/** A new key id of an account. AWS's own carry the account in their first 48 bits, and so do these. */
export function newAccessKeyId(prefix: 'AKIA' | 'ASIA', account: string): string {
  const bytes = randomBytes(10);
  const head = (1n << 47n) | (BigInt(account) << 7n) | BigInt((bytes[5] as number) & 0x7f);
  for (let i = 0; i < 6; i++) bytes[i] = Number((head >> BigInt(40 - 8 * i)) & 0xffn);
  return prefix + base32(bytes);
}
/** The account that a key id belongs to, whether the key exists or not; undefined for ids of another form. */
export function accountOfKey(accessKeyId: string): string | undefined {
  if (!/^A[KS]IA[A-Z2-7]{16}$/.test(accessKeyId)) return undefined;
  let value = 0n;
  for (const char of accessKeyId.slice(4, 14)) value = (value << 5n) | BigInt(alphabet.indexOf(char));
  // Ten characters are 50 bits; the account is in the first 48.
  return String(((value >> 2n) >> 7n) & 0xff_ffff_ffffn).padStart(12, '0');
}
/** A secret access key: 40 characters. */
export const newSecret = (): string => Array.from(randomBytes(40), (byte) => characters[byte & 63]).join('');
/** A unique id of IAM: `AIDA` and 17 characters. */
export const newUniqueId = (prefix: string): string => prefix + base32(randomBytes(11)).slice(0, 17);

/** Encrypts what only this instance may read again: secrets at rest, the contents of session tokens. */
export interface Sealer {
  seal(text: string): string;
  /** Undefined when it was not sealed here, or was changed since. */
  open(sealed: string): string | undefined;
}
/** `key`: 32 bytes; what is sealed for one purpose does not open for another. */
export function createSealer(key: Uint8Array, purpose: string): Sealer {
  const own = Buffer.from(hkdfSync('sha256', key, '', purpose, 32));
  return {
    seal(text) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', own, nonce);
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
    },
    open(sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      if (bytes.length < 28 || bytes.toString('base64') !== sealed) return undefined;
      try {
        const cipher = createDecipheriv('aes-256-gcm', own, bytes.subarray(0, 12));
        cipher.setAuthTag(bytes.subarray(-16));
        return Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]).toString('utf8');
      } catch {
        return undefined;
      }
    },
  };
}
export const fingerprint = (text: string): string => createHash('sha256').update(text).digest('hex');

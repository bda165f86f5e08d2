import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { StoreError } from '../store.ts';

/** One way of writing values under one key. */
export interface Transformer {
  /** What its values begin with; empty for values as they are. */
  readonly prefix: Buffer;
  /** `key` is the store key of the value, bound to it where the cipher can. */
  seal(key: string, value: Uint8Array): Uint8Array;
  /** `sealed` begins with the prefix. Throws StoreError `unreadable`. */
  open(key: string, sealed: Uint8Array): Uint8Array;
}

export interface TransformerKey {
  readonly name: string;
  readonly secret: Buffer;
}

const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;

/** Values that somebody encrypted begin with this, whoever did it (the layout of kube-apiserver's values in etcd). */
export const sealedMark = Buffer.from('k8s:enc:');

export const identity: Transformer = {
  prefix: Buffer.alloc(0),
  seal: (_key, value) => value,
  open: (_key, value) => value,
};

/** AES in Galois/Counter mode, with the store key as associated data: a value moved to another key does not open. 16, 24 or 32 bytes of key. */
export function aesGcm({ name, secret }: TransformerKey): Transformer {
  const prefix = Buffer.from(`k8s:enc:aesgcm:v1:${name}:`);
  const cipher = `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
  return {
    prefix,
    seal(key, value) {
      const out = Buffer.allocUnsafeSlow(prefix.length + nonceBytes + value.length + tagBytes);
      let at = prefix.copy(out);
      const nonce = nextNonce(out.subarray(at, (at += nonceBytes)));
      const aes = createCipheriv(cipher, secret, nonce).setAAD(Buffer.from(key));
      at += aes.update(value).copy(out, at);
      aes.final();
      aes.getAuthTag().copy(out, at);
      return out;
    },
    open(key, sealed) {
      const bytes = buffer(sealed);
      const from = prefix.length + nonceBytes;
      const to = bytes.length - tagBytes;
      if (to < from) throw unreadable(key, `it is cut off`);
      const aes = createDecipheriv(cipher, secret, bytes.subarray(prefix.length, from)).setAAD(Buffer.from(key)).setAuthTag(bytes.subarray(to));
      return openedWith(key, name, () => {
        const value = ownMemory(aes.update(bytes.subarray(from, to)));
        aes.final();
        return value;
      });
    },
  };
}

/** AES in cipher block chaining mode, padded. It does not notice when a value was moved; aesgcm does. */
export function aesCbc({ name, secret }: TransformerKey): Transformer {
  const prefix = Buffer.from(`k8s:enc:aescbc:v1:${name}:`);
  const cipher = `aes-${secret.length * 8}-cbc`;
  return {
    prefix,
    seal(_key, value) {
      const iv = randomFillSync(Buffer.allocUnsafe(blockBytes));
      const aes = createCipheriv(cipher, secret, iv);
      return ownMemory(Buffer.concat([prefix, iv, aes.update(value), aes.final()]));
    },
    open(key, sealed) {
      const bytes = buffer(sealed);
      const from = prefix.length + blockBytes;
      if (bytes.length < from + blockBytes) throw unreadable(key, `it is cut off`);
      const aes = createDecipheriv(cipher, secret, bytes.subarray(prefix.length, from));
      return openedWith(key, name, () => ownMemory(Buffer.concat([aes.update(bytes.subarray(from)), aes.final()])));
    },
  };
}

export function unreadable(key: string, why: string): StoreError {
  return new StoreError('unreadable', `the value of ${key} cannot be decrypted: ${why}`);
}

/** Runs `read`; what it throws means that the value does not open. */
export function openedWith(key: string, name: string, read: () => Uint8Array): Uint8Array {
  try {
    return read();
  } catch {
    throw unreadable(key, `key ${JSON.stringify(name)} is not the one it was encrypted with, or the value was changed or moved`);
  }
}

/** Random numbers cost a system call each: they are drawn a pool at a time. */
const pool = Buffer.alloc(nonceBytes * 256);
let left = 0;
function nextNonce(into: Buffer): Buffer {
  if (left === 0) {
    randomFillSync(pool);
    left = pool.length;
  }
  left -= nonceBytes;
  pool.copy(into, 0, left, left + nonceBytes);
  return into;
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
/** Memory of its own: what a store keeps must not keep a shared pool alive. */
export function ownMemory(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}

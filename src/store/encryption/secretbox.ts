import { randomFillSync } from 'node:crypto';
import { openedWith, ownMemory, unreadable, type Transformer, type TransformerKey } from './transformers.ts';

const nonceBytes = 24;
const tagBytes = 16;

/**
 * XSalsa20 with Poly1305, NaCl's secretbox, in the layout of kube-apiserver: nonce, tag, text. 32 bytes of key. It does
 * not notice when a value was moved; aesgcm does. Node has no such cipher: the library is loaded for those who ask.
 */
export async function loadSecretbox(): Promise<(key: TransformerKey) => Transformer> {
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  return ({ name, secret }) => {
    const prefix = Buffer.from(`k8s:enc:secretbox:v1:${name}:`);
    return {
      prefix,
      seal(_key, value) {
        const out = Buffer.allocUnsafeSlow(prefix.length + nonceBytes + tagBytes + value.length);
        const at = prefix.copy(out);
        const nonce = randomFillSync(out.subarray(at, at + nonceBytes));
        out.set(xsalsa20poly1305(secret, nonce).encrypt(value), at + nonceBytes);
        return out;
      },
      open(key, sealed) {
        const from = prefix.length + nonceBytes;
        if (sealed.length < from + tagBytes) throw unreadable(key, `it is cut off`);
        const box = xsalsa20poly1305(secret, sealed.subarray(prefix.length, from));
        return openedWith(key, name, () => ownMemory(Buffer.from(box.decrypt(sealed.subarray(from)))));
      },
    };
  };
}

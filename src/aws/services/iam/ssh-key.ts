import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { AwsError } from '../../gateway/errors.ts';

const least = 2048;
const unreadable = (): AwsError =>
  new AwsError('UnrecognizedPublicKeyEncoding', 'Unable to recognize the encoding of the public key. It must be in ssh-rsa or PEM format.');
const invalid = (): AwsError => new AwsError('InvalidPublicKey', 'The public key is malformed or otherwise invalid.');

/** The fields of a key as SSH writes it (RFC 4253, section 6.6). Undefined when it is cut off or goes on. */
function fields(blob: Buffer): Buffer[] | undefined {
  const out: Buffer[] = [];
  let at = 0;
  while (at < blob.length) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    out.push(blob.subarray(at + 4, end));
    at = end;
  }
  return out;
}
const field = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};
/** Positive numbers whose first bit is set get a zero in front. */
const mpint = (bytes: Buffer): Buffer => field(((bytes[0] ?? 0) & 0x80) !== 0 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);

function fromSsh(text: string): KeyObject {
  const [, encoded = ''] = text.split(/\s+/);
  const blob = Buffer.from(encoded, 'base64');
  const [type, e, n, ...more] = fields(blob) ?? [];
  if (type?.toString() !== 'ssh-rsa' || !e || !n || more.length > 0) throw invalid();
  const unsigned = (bytes: Buffer): string => (bytes[0] === 0 ? bytes.subarray(1) : bytes).toString('base64url');
  return readKey(() => createPublicKey({ key: { kty: 'RSA', e: unsigned(e), n: unsigned(n) }, format: 'jwk' }));
}
function readKey(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    throw invalid();
  }
}

/** Reads the public key of a user: RSA of 2048 bits or more, as SSH or PEM writes it. Throws AwsError. */
export function readSshKey(text: string): KeyObject {
  const trimmed = text.trim();
  if (!/^(?:ssh-rsa\s|-----BEGIN )/.test(trimmed)) throw unreadable();
  const key = trimmed.startsWith('ssh-rsa') ? fromSsh(trimmed) : readKey(() => createPublicKey(trimmed));
  if (key.asymmetricKeyType !== 'rsa' || (key.asymmetricKeyDetails?.modulusLength ?? 0) < least) throw invalid();
  return key;
}
function blobOf(key: KeyObject): Buffer {
  const { e = '', n = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([field(Buffer.from('ssh-rsa')), mpint(Buffer.from(e, 'base64url')), mpint(Buffer.from(n, 'base64url'))]);
}
/** As OpenSSH writes it, without a comment. */
export const sshForm = (key: KeyObject): string => `ssh-rsa ${blobOf(key).toString('base64')}`;
export const pemForm = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
/** The MD5 digest of the key in its SSH form. */
export const sshFingerprint = (key: KeyObject): string =>
  createHash('md5')
    .update(blobOf(key))
    .digest('hex')
    .replaceAll(/..(?!$)/g, '$&:');

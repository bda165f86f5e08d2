import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { BackupError } from './errors.ts';

/** Turns bytes into what may lie on a target, and back. */
export interface Seal {
  /** Name of a content: its SHA-256, or a keyed digest, so that names give nothing away. */
  id(content: Uint8Array): string;
  /** `name` is bound to the bytes: they open under no other. */
  close(name: string, content: Buffer): Promise<Buffer>;
  /** Throws BackupError when the bytes are not what was closed. */
  open(name: string, sealed: Buffer): Promise<Buffer>;
  /** Proves a text that lies open, base64. */
  proof(text: string): string;
}

/** How a target's key comes from what the user has. `check` tells a wrong key from a damaged backup. */
export type Encryption =
  | { readonly kind: 'none' }
  | { readonly kind: 'scrypt'; readonly salt: string; readonly n: number; readonly r: number; readonly p: number; readonly check: string }
  | { readonly kind: 'raw'; readonly check: string };

export type Secret = { readonly passphrase: string } | { readonly rawKey: Buffer };

const NONCE = 12;
const TAG = 16;
/** First byte: what was done to the rest. */
const COMPRESSED = 1;
const ENCRYPTED = 2;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress) as (data: Buffer) => Promise<Buffer>;

/** Of scrypt: 32 MiB and a tenth of a second or more per try. */
const COST = { n: 1 << 15, r: 8, p: 1 };

export async function newEncryption(secret: Secret | undefined): Promise<Encryption> {
  if (!secret) return { kind: 'none' };
  const made =
    'rawKey' in secret ? { kind: 'raw' as const, check: '' } : { kind: 'scrypt' as const, salt: randomBytes(16).toString('base64'), ...COST, check: '' };
  return { ...made, check: keyed(await masterKey(made, secret)).proof('batuta') };
}

/** Throws BackupError when the secret is missing, superfluous or wrong. */
export async function openSeal(encryption: Encryption, secret: Secret | undefined): Promise<Seal> {
  if (encryption.kind === 'none') {
    if (secret) throw new BackupError('the backups of this target are not encrypted: leave the key away, or use another target');
    return open;
  }
  if (!secret) throw new BackupError('the backups of this target are encrypted: give --key-file or --passphrase-file');
  if ('rawKey' in secret !== (encryption.kind === 'raw')) {
    throw new BackupError(
      `the backups of this target are encrypted with a ${encryption.kind === 'raw' ? 'raw key: give --key-file' : 'passphrase: give --passphrase-file'}`,
    );
  }
  const seal = keyed(await masterKey(encryption, secret));
  const [a, b] = [Buffer.from(seal.proof('batuta')), Buffer.from(encryption.check)];
  if (a.length !== b.length || !timingSafeEqual(a, b)) throw new BackupError('this is not the key that the backups of this target are encrypted with');
  return seal;
}

async function masterKey(encryption: Exclude<Encryption, { kind: 'none' }>, secret: Secret): Promise<Buffer> {
  if ('rawKey' in secret) {
    if (secret.rawKey.length !== 32) throw new BackupError(`a raw key has 32 bytes, this one has ${secret.rawKey.length}`);
    return secret.rawKey;
  }
  if (encryption.kind !== 'scrypt') throw new BackupError('a passphrase does not fit a raw key');
  const { salt, n: N, r, p } = encryption;
  // What a target says is not trusted to take all memory.
  if (N > 1 << 20 || r > 16 || p > 4) throw new BackupError('the target asks for a key that costs too much to derive');
  return new Promise((resolve, reject) => {
    scrypt(secret.passphrase, Buffer.from(salt, 'base64'), 32, { N, r, p, maxmem: 256 * N * r }, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

const open: Seal = {
  id: (content) => createHash('sha256').update(content).digest('hex'),
  close: async (_name, content) => pack(content),
  open: async (name, sealed) => unpack(name, sealed),
  proof: (text) => createHash('sha256').update(text).digest('base64'),
};

/** AES-256-GCM with a fresh nonce for each object, keys for each use derived from the master key. */
function keyed(master: Buffer): Seal {
  const derive = (use: string): Buffer => Buffer.from(hkdfSync('sha256', master, '', `batuta backup ${use}`, 32));
  const [contents, names, proofs] = [derive('contents'), derive('names'), derive('proofs')];
  return {
    id: (content) => createHmac('sha256', names).update(createHash('sha256').update(content).digest()).digest('hex'),
    async close(name, content) {
      const nonce = randomBytes(NONCE);
      const cipher = createCipheriv('aes-256-gcm', contents, nonce).setAAD(Buffer.from(name));
      const body = Buffer.concat([cipher.update(await pack(content)), cipher.final()]);
      return Buffer.concat([Buffer.of(ENCRYPTED), nonce, body, cipher.getAuthTag()]);
    },
    async open(name, sealed) {
      if (sealed[0] !== ENCRYPTED || sealed.length < 1 + NONCE + TAG) throw damaged(name);
      const decipher = createDecipheriv('aes-256-gcm', contents, sealed.subarray(1, 1 + NONCE), { authTagLength: TAG });
      decipher.setAAD(Buffer.from(name)).setAuthTag(sealed.subarray(-TAG));
      try {
        return await unpack(name, Buffer.concat([decipher.update(sealed.subarray(1 + NONCE, -TAG)), decipher.final()]));
      } catch {
        throw damaged(name);
      }
    },
    proof: (text) => createHmac('sha256', proofs).update(text).digest('base64'),
  };
}
export const damaged = (name: string): BackupError => new BackupError(`${name} is damaged: it is not what was written`);

/** Compressed where that helps: layers of images are already. */
async function pack(content: Buffer): Promise<Buffer> {
  const sample = content.subarray(0, 1 << 16);
  const worthIt = sample.length === 0 || (await compress(sample)).length < sample.length * 0.9;
  const body = worthIt ? await compress(content) : content;
  return Buffer.concat([Buffer.of(worthIt ? COMPRESSED : 0), body]);
}
async function unpack(name: string, packed: Buffer): Promise<Buffer> {
  if (packed[0] === 0) return packed.subarray(1);
  if (packed[0] !== COMPRESSED) throw damaged(name);
  return decompress(packed.subarray(1)).catch(() => {
    throw damaged(name);
  });
}

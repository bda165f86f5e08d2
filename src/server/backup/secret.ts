import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Secret } from '#backup';
import { UserError } from '../errors.ts';

/** Files that hold the key of backups: paths are kept, keys never. */
export interface SecretFiles {
  readonly keyFile?: string | undefined;
  readonly passphraseFile?: string | undefined;
}
export const absolute = ({ keyFile, passphraseFile }: SecretFiles): SecretFiles => ({
  ...(keyFile === undefined ? {} : { keyFile: resolve(keyFile) }),
  ...(passphraseFile === undefined ? {} : { passphraseFile: resolve(passphraseFile) }),
});

/** A raw key (32 bytes, or 64 hexadecimal digits, or base64 of 32 bytes) or a passphrase (the first line). Throws UserError. */
export function readSecret({ keyFile, passphraseFile }: SecretFiles): Secret | undefined {
  if (keyFile !== undefined && passphraseFile !== undefined) throw new UserError('give --key-file or --passphrase-file, not both');
  if (keyFile !== undefined) return { rawKey: rawKey(read(keyFile), keyFile) };
  if (passphraseFile === undefined) return undefined;
  const [passphrase = ''] = read(passphraseFile).toString().split(/\r?\n/);
  if (passphrase === '') throw new UserError(`${passphraseFile}: its first line is empty; it is the passphrase`);
  return { passphrase };
}
function rawKey(content: Buffer, file: string): Buffer {
  if (content.length === 32) return content;
  const text = content.toString().trim();
  const key = /^[0-9a-fA-F]{64}$/.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length !== 32) throw new UserError(`${file}: a key has 32 bytes, as they are, in hexadecimal digits or in base64 (openssl rand -hex 32)`);
  return key;
}
function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

import { createHash, type Hash } from 'node:crypto';

export const algorithmOf = (digest: string): string => digest.slice(0, digest.indexOf(':'));
export const hexOf = (digest: string): string => digest.slice(digest.indexOf(':') + 1);
export const digestOf = (content: Buffer, algorithm = 'sha256'): string => `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
/** The digest of what was hashed so far; the hash goes on. */
export const digestSoFar = (hash: Hash, algorithm = 'sha256'): string => `${algorithm}:${hash.copy().digest('hex')}`;

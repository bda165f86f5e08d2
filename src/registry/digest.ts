import { createHash } from 'node:crypto';

export const algorithmOf = (digest: string): string => digest.slice(0, digest.indexOf(':'));
export const hexOf = (digest: string): string => digest.slice(digest.indexOf(':') + 1);
export const digestOf = (content: Buffer, algorithm = 'sha256'): string => `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;

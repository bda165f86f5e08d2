import { createHash } from 'node:crypto';

/**
 * A chain or set name from parts that users chose. Readable where the parts are plain and short, a hash
 * otherwise: nothing a user writes may end an identifier, and names are limited to 128 characters.
 */
export function objectName(prefix: string, ...parts: readonly (string | number)[]): string {
  const text = parts.join('/');
  if (text.length <= 100 && parts.every((part) => /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(String(part)))) return `${prefix}/${text}`;
  return `${prefix}/h-${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`;
}

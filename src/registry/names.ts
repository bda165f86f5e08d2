import { RegistryError } from './errors.ts';

/** A repository's name: path components of the distribution specification's grammar, at most 255 characters in all. */
const repository = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
/** Registered algorithms only, each with its exact length: what passes is safe as the name of a file. */
const digest = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export const isTag = (text: string): boolean => tag.test(text);
export const isDigest = (text: string): boolean => digest.test(text);
export const isRepository = (text: string): boolean => text.length <= 255 && repository.test(text);

export function checkRepository(name: string): string {
  if (!isRepository(name))
    throw new RegistryError('NAME_INVALID', `invalid repository name: lower-case letters, digits, and . _ - / between them, at most 255 characters`, { name });
  return name;
}
export function checkDigest(text: string): string {
  if (!isDigest(text))
    throw new RegistryError('DIGEST_INVALID', 'invalid digest: sha256 or sha512, a colon, and lower-case hexadecimal digits', { digest: text });
  return text;
}
/** What a manifest is asked for by: a digest when there is a colon, a tag otherwise. */
export function checkReference(text: string): string {
  if (text.includes(':')) return checkDigest(text);
  if (!isTag(text)) throw new RegistryError('TAG_INVALID', 'invalid tag: letters, digits, and _ . - after the first character, at most 128', { tag: text });
  return text;
}

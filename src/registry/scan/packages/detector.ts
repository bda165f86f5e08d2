import type { Budget } from '../image/limits.ts';
import type { Distribution, Package } from '../types.ts';

export type Found = Omit<Package, 'path' | 'layer'>;

/** What one file tells. */
export interface Facts {
  readonly packages: readonly Found[];
  /** Files that the package manager of the distribution put there: they are no packages of their own. */
  readonly owned?: readonly string[];
  readonly distribution?: Distribution;
}

/** Reads one sort of file, whole. A new sort is a file of its own and a line in `index.ts`. */
export interface Detector {
  /** Databases and archives, which may be as large as `Limits.fileBytes`; everything else is text of at most `Limits.textBytes`. */
  readonly isLarge?: boolean;
  /** Asked for every file of an image: look at the name first. `name` is the last part of the path. */
  matches(path: string, name: string): boolean;
  /** Throws for what it cannot read: that becomes a warning. */
  parse(content: Buffer, path: string, budget: Budget): Facts | Promise<Facts>;
}

/** Fields of a document of `Name: value` lines; those that begin with white space go on with the last one. */
export function readFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = '';
  for (const line of text.split(/\r?\n/)) {
    if (/^[ \t]/.test(line)) {
      if (last !== '') fields.set(last, `${fields.get(last)}\n${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    last = line.slice(0, colon).toLowerCase();
    if (!fields.has(last)) fields.set(last, line.slice(colon + 1).trim());
    else last = '';
  }
  return fields;
}
/** Whether a name is one that an ecosystem could have given: printable, without spaces, not endless. */
export const isSane = (text: unknown): text is string => typeof text === 'string' && text !== '' && text.length <= 256 && /^[^\s\p{Cc}]+$/u.test(text);

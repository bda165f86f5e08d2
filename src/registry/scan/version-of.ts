import { statSync } from 'node:fs';

/** Tells one state of a file that is only ever replaced from another. Undefined: there is no file. */
export function versionOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false, bigint: true });
  return found && `${found.ino}-${found.mtimeNs}-${found.size}`;
}

import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** System directories that a PATH often lacks. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Where a program is: looked for in PATH and in the system directories (or those of BATUTA_PROGRAM_DIRS). */
export function findProgram(name: string): string | undefined {
  const dirs = `${process.env['PATH'] ?? ''}${delimiter}${process.env['BATUTA_PROGRAM_DIRS'] ?? systemPath}`.split(delimiter).filter((dir) => dir !== '');
  return dirs.map((dir) => join(dir, name)).find(isExecutable);
}
function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first of these directories that holds all of these files. */
export function findDirectory(dirs: readonly string[], files: readonly string[]): string | undefined {
  return dirs.find((dir) => files.every((file) => existsSync(join(dir, file))));
}

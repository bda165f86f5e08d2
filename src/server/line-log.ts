import { closeSync, existsSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

export interface LineLog<T> {
  write(record: T): void;
  close(): void;
}

/** At this size the log is put away, bytes; one that was put away stays. */
const most = 32 * 1024 * 1024;

/** Writes things down, a JSON line each, into a file that never takes more than twice its most. */
export function openLineLog<T extends object>(path: string): LineLog<T> {
  let file: number | undefined;
  let size = 0;
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length === 0) return;
    if (file === undefined) {
      size = existsSync(path) ? statSync(path).size : 0;
      file = openSync(path, 'a', 0o600);
    }
    const text = lines.join('');
    lines = [];
    writeSync(file, text);
    size += Buffer.byteLength(text);
    if (size < most) return;
    closeSync(file);
    file = undefined;
    renameSync(path, `${path}.1`);
  };
  return {
    write(record) {
      lines.push(`${JSON.stringify(record)}\n`);
      // What comes in one turn is written together.
      if (lines.length === 1) setImmediate(flush);
    },
    close() {
      flush();
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

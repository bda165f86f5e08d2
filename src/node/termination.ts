import { open, readFile } from 'node:fs/promises';
import type { V1Container } from '#kinds';
import { parseLine } from './logs/format.ts';
import type { ContainerState } from './runtime.ts';

const maxMessageBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** The last words of a container: the termination file, or the end of its log when it failed and asked for that. */
export async function terminationMessage(container: V1Container, state: ContainerState, file: string, logFile: string): Promise<string> {
  const written = await head(file, maxMessageBytes);
  if (written) return written;
  if (state.message) return state.message;
  if (container.terminationMessagePolicy !== 'FallbackToLogsOnError' || state.exitCode === 0) return '';
  const text = await readFile(logFile).catch(() => Buffer.alloc(0));
  const lines = text
    .subarray(Math.max(0, text.length - 16 * 1024))
    .toString()
    .split('\n')
    .map((line) => parseLine(line))
    .filter((l) => l !== undefined);
  const tail = lines
    .slice(-maxLogLines)
    .map((l) => l.text + (l.partial ? '' : '\n'))
    .join('');
  return Buffer.from(tail).subarray(-maxLogBytes).toString();
}
async function head(path: string, bytes: number): Promise<string> {
  const file = await open(path).catch(() => undefined);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}

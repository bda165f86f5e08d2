import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

export interface RunResult {
  /** Exit code; 127 when the program does not exist. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; never rejects. */
export type Run = (command: string, args: readonly string[], input?: string) => Promise<RunResult>;

/** What this room does to the machine: programs and files under /proc/sys. */
export interface Host {
  run: Run;
  read(path: string): Promise<string>;
  write(path: string, text: string): Promise<void>;
}

export const systemRun: Run = (command, args, input) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // the program may end before it has read everything
    child.on('error', (error: NodeJS.ErrnoException) => resolve({ code: error.code === 'ENOENT' ? 127 : 126, stdout, stderr: error.message }));
    child.on('close', (code, signal) => resolve({ code: code ?? 128, stdout, stderr: signal ? `${stderr}killed by ${signal}` : stderr }));
    child.stdin.end(input ?? '');
  });

export function systemHost(run: Run = systemRun): Host {
  return { run, read: (path) => readFile(path, 'utf8'), write: (path, text) => writeFile(path, text) };
}

/** Runs and throws an Error with the program's own words when it fails. */
export async function must(host: Host, command: string, args: readonly string[], input?: string): Promise<string> {
  const result = await host.run(command, args, input);
  if (result.code === 0) return result.stdout;
  const hint = result.code === 127 ? ` (install the package that has ${command})` : '';
  throw new Error(`${command} ${args.join(' ')}: ${result.stderr.trim().slice(0, 2000) || `exit code ${result.code}`}${hint}`);
}

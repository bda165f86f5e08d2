/**
 * cli: the command line. Parses, calls `server`, prints. Each command is one file, imported only when
 * it runs. Knows nothing of kinds, stores or runtimes.
 */
import { parseArgs } from 'node:util';
import type { Command, Parsed } from './command.ts';
import { parseOptions } from './command.ts';
import { commandHelp, overview } from './help.ts';

/** Name → loader. A new command is one file and one line here. */
export const commands: Record<string, () => Promise<{ command: Command }>> = {
  up: () => import('./commands/up.ts'),
  down: () => import('./commands/down.ts'),
  status: () => import('./commands/status.ts'),
  env: () => import('./commands/env.ts'),
  kubeconfig: () => import('./commands/kubeconfig.ts'),
  image: () => import('./commands/image.ts'),
  registry: () => import('./commands/registry.ts'),
  scan: () => import('./commands/scan.ts'),
  'scan-db': () => import('./commands/scan-db.ts'),
  chaos: () => import('./commands/chaos.ts'),
  backup: () => import('./commands/backup.ts'),
  logs: () => import('./commands/logs.ts'),
  'aws-coverage': () => import('./commands/aws-coverage.ts'),
  reset: () => import('./commands/reset.ts'),
  why: () => import('./commands/why.ts'),
  doctor: () => import('./commands/doctor.ts'),
  version: () => import('./commands/version.ts'),
  completion: () => import('./commands/completion.ts'),
};

/** Runs a command line and gives the exit code: 0, 1 (a problem), 2 (bad usage). */
export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(await overview(commands));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') return main(['version', ...rest]);
  const load = commands[name];
  if (!load) {
    process.stderr.write(`batuta: unknown command "${name}": see bin/batuta --help\n`);
    return 2;
  }
  const { command } = await load();
  return run(command, rest);
}

async function run(command: Command, argv: readonly string[]): Promise<number> {
  let parsed: Parsed;
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: parseOptions(command.options), allowPositionals: true, strict: true });
    parsed = { values, positionals };
  } catch (error) {
    process.stderr.write(`batuta ${command.name}: ${(error as Error).message.split('. To specify')[0]}: see bin/batuta ${command.name} --help\n`);
    return 2;
  }
  if (parsed.values.help === true) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  try {
    return await command.run(parsed);
  } catch (error) {
    const exitCode = (error as { exitCode?: number }).exitCode;
    process.stderr.write(`batuta ${command.name}: ${exitCode === undefined ? ((error as Error).stack ?? String(error)) : (error as Error).message}\n`);
    return exitCode ?? 1;
  }
}

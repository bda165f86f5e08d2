import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { createLogger, sleep, systemClock } from '#base';
import { fetchStatus } from './commands.ts';
import { UserError } from './errors.ts';
import { startInstance, type Instance } from './instance.ts';
import type { StoreThread } from '#store';
import type { UpOptions } from './options.ts';
import { readRecord, resolvePaths, runningPid, type Paths } from './paths.ts';

/** Starts an instance in the foreground until a signal ends it, or in the background. `thread` is for its store. */
export async function runUp(options: UpOptions, thread?: StoreThread): Promise<number> {
  const paths = resolvePaths(options);
  const pid = runningPid(readRecord(paths));
  if (pid !== undefined) throw new UserError(`already running in ${paths.data} (pid ${pid}): see bin/batuta status, or stop it with bin/batuta down`);
  mkdirSync(paths.data, { recursive: true, mode: 0o700 });
  return options.detach ? detach(options, paths) : foreground(options, paths, thread);
}

async function foreground(options: UpOptions, paths: Paths, thread: StoreThread | undefined): Promise<number> {
  const detached = process.env.BATUTA_DETACHED === '1';
  const log = createLogger({ level: options.logLevel, json: options.json, write: (line) => void writeSync(2, line) });
  process.on('unhandledRejection', (error) =>
    log.error('unhandled rejection', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
  let stopping: Promise<void> | undefined;
  let ended: (code: number) => void = () => {};
  const end = new Promise<number>((resolve) => (ended = resolve));
  const starting = startInstance(options, paths, log, { stopped: () => ended(0) }, thread);
  const stop = (): void => {
    stopping ??= starting
      .then((instance) => instance.stop())
      .then(
        () => ended(0),
        (error: unknown) => {
          log.error('stopping failed', { error });
          ended(1);
        },
      );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.on('SIGHUP', () => detached || stop());
  const instance = await starting;
  // Now, and not only at the end: the next start is quick even after a kill.
  const flush = (): void => flushCompileCache();
  instance.ready().then(flush, flush);
  if (!detached) void announce(instance, paths);
  const code = await end;
  // Whatever still holds the loop (a keep-alive socket of a client) must not keep us.
  process.exit(code);
}

async function announce(instance: Instance, paths: Paths): Promise<void> {
  await instance.ready();
  const where = process.env.HOME && paths.data === join(process.env.HOME, '.batuta', 'default') ? '' : ` --data-dir ${paths.data}`;
  process.stderr.write(
    `\nReady. In another terminal:\n\n    eval "$(bin/batuta env${where})"\n    kubectl get nodes\n\nCtrl-C stops the cluster and keeps its state.\n\n`,
  );
}

/** Starts ourselves again without a terminal, and waits until the API answers or, with `wait`, until all is ready. */
async function detach(options: UpOptions, paths: Paths): Promise<number> {
  rmSync(paths.control, { force: true }); // left by a process that was killed; the new one makes its own
  const out = openSync(paths.log, 'a', 0o600);
  const from = readFileSync(paths.log).length;
  const args = process.argv.slice(1).filter((a) => a !== '--detach' && a !== '--wait');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', out, out],
    env: { ...process.env, BATUTA_DETACHED: '1' },
  });
  closeSync(out);
  // Nothing below waits for its end: an error must end this process, also while that one runs.
  child.unref();
  let exit: number | null | undefined;
  child.once('exit', (code) => (exit = code ?? 1));
  const tty = process.stderr.isTTY;
  let shown = '';
  for (;;) {
    if (exit !== undefined) throw new UserError(failure(paths, from));
    const state = existsSync(paths.control) ? await fetchStatus(options).catch(() => undefined) : undefined;
    const waiting = state?.components.filter((c) => !c.ready).map((c) => c.name) ?? ['api'];
    const failed = state?.components.find((c) => !c.ready && c.message !== undefined);
    if (options.wait && failed) throw new UserError(`${failed.name}: ${failed.message} (the rest runs: see bin/batuta status, stop it with bin/batuta down)`);
    if (state && (state.ready || !options.wait)) break;
    const line = `waiting for ${waiting.join(', ')}`;
    if (tty && line !== shown) process.stderr.write(`\r\x1b[K${(shown = line)}`);
    await sleep(systemClock, 25);
  }
  if (tty) process.stderr.write('\r\x1b[K');
  process.stdout.write(
    `batuta runs in the background (pid ${child.pid}). Next: eval "$(bin/batuta env${options.dataDir ? ` --data-dir ${options.dataDir}` : options.name ? ` --name ${options.name}` : ''})"\n`,
  );
  return 0;
}

/** The last words of a process that died while starting. */
function failure(paths: Paths, from: number): string {
  const lines = readFileSync(paths.log).subarray(from).toString().trim().split('\n');
  const own = lines.findLast((l) => l.startsWith('batuta up: '));
  return own ? own.slice('batuta up: '.length) : `it ended while starting:\n${lines.slice(-5).join('\n')}`;
}

import { existsSync, rmSync } from 'node:fs';
import { sleep, systemClock } from '#base';
import { callControl } from './control.ts';
import { UserError } from './errors.ts';
import { readRecord, resolvePaths, runningPid, writeRecord, type Paths, type InstanceRecord } from './paths.ts';
import { releaseSlot } from './slot.ts';

interface DownOptions {
  dataDir?: string | undefined;
  name?: string | undefined;
  purge: boolean;
}

/** Stops the process in order; when it is already dead, removes what it left running. */
export async function runDown(options: DownOptions): Promise<string> {
  const paths = resolvePaths(options);
  const record = readRecord(paths);
  if (!record) {
    if (options.purge && existsSync(paths.data))
      throw new UserError(`${paths.data} is not the data directory of an instance: remove it yourself if you mean it`);
    return `nothing to stop in ${paths.data}`;
  }
  const pid = runningPid(record);
  if (pid !== undefined) await stopProcess(paths, record, pid);
  else await removeLeftovers(paths, record);
  const { pid: _pid, startTicks: _ticks, ...rest } = record;
  writeRecord(paths, rest);
  rmSync(paths.run, { recursive: true, force: true });
  if (!options.purge) return pid === undefined ? `was not running; state kept in ${paths.data}` : `stopped; state kept in ${paths.data}`;
  if (record.runtime === 'containerd') releaseSlot(paths, record.slot);
  rmSync(paths.data, { recursive: true, force: true });
  return `stopped; ${paths.data} removed`;
}

async function stopProcess(paths: Paths, record: InstanceRecord, pid: number): Promise<void> {
  const heard = await callControl(paths.control, 'down').catch(() => undefined);
  if (heard === undefined) process.kill(pid, 'SIGTERM');
  for (let i = 0; runningPid(record) !== undefined; i++) {
    if (i === 2400) throw new UserError(`pid ${pid} did not stop within 2 minutes: see its log, then kill it and run down again`);
    await sleep(systemClock, 50);
  }
}

async function removeLeftovers(paths: Paths, record: InstanceRecord): Promise<void> {
  if (record.runtime !== 'containerd') return;
  const { removeContainers } = await import('./containers.ts');
  await removeContainers(paths, record);
}

import { mkdirSync } from 'node:fs';
import { Repository, type Created, type Retention, type Summary } from '#backup';
import { silentLogger } from '#base';
import { callControl } from '../control.ts';
import { UserError } from '../errors.ts';
import { openStore } from '../open-store.ts';
import type { UpOptions } from '../options.ts';
import { readRecord, resolvePaths, runningPid, writeRecord, type InstanceRecord, type PathOptions, type Paths } from '../paths.ts';
import { version } from '../version.ts';
import { createBackup, openRepository, restoreBackup, sendable, type BackupDeps, type CreateRequest, type RestoreRequest } from './backups.ts';
import { applyRestore, type RestoreScope } from './restore.ts';
import { readSchedule, writeSchedule, type Schedule } from './schedule.ts';
import { absolute, readSecret, type SecretFiles } from './secret.ts';
import { openTarget, placeText, readPlace, withCredentials, type PlaceOptions, type TargetPlace } from './target.ts';

/** What the commands of `backup` are given. */
export interface BackupOptions extends PathOptions, PlaceOptions, SecretFiles {
  /** File of an EncryptionConfiguration, where the instance was started with one. */
  readonly encryptionConfig?: string | undefined;
}

const isRunning = (paths: Paths): boolean => runningPid(readRecord(paths)) !== undefined;
const placeOf = (options: BackupOptions, paths: Paths): TargetPlace => withCredentials(readPlace(options, readRecord(paths)?.awsPort ?? 4566), process.env);
const requestOf = (options: BackupOptions, paths: Paths): CreateRequest => ({ place: placeOf(options, paths), secret: sendable(readSecret(options)) });

/** Asks the running instance; without one, does it here over its files. */
async function perform<T>(options: BackupOptions, paths: Paths, command: string, request: object, here: (deps: BackupDeps) => Promise<T>): Promise<T> {
  if (isRunning(paths)) {
    const answer = await callControl<T>(paths.control, command, request);
    if (answer === undefined) throw new UserError('the instance is starting or stopping: try again in a moment');
    return answer;
  }
  const record = readRecord(paths);
  const up = { store: 'sqlite', encryptionConfig: options.encryptionConfig } as UpOptions;
  const store = await openStore(up, paths, silentLogger, undefined);
  try {
    const deps: BackupDeps = { paths, record: { id: paths.id, slot: record?.slot ?? 0 }, store, swapRegistry: async (work) => work() };
    // One that a crash cut off comes first.
    await applyRestore(paths, store, deps.swapRegistry);
    return await here(deps);
  } finally {
    await store.close();
  }
}

export async function backupCreate(options: BackupOptions, retention: Retention): Promise<Created & { target: string }> {
  const paths = resolvePaths(options);
  if (!readRecord(paths)) throw new UserError(`no instance has run in ${paths.data}: there is nothing to back up`);
  const request = { ...requestOf(options, paths), retention };
  const created = await perform(options, paths, 'backup-create', request, (deps) => createBackup(deps, request));
  return { ...created, target: placeText(request.place) };
}

export async function backupList(options: BackupOptions): Promise<{ backups: Summary[]; damaged: string[] }> {
  return Repository.list(await openTarget(placeOf(options, resolvePaths(options))));
}

/** What is wrong with a backup, byte by byte; nothing: it can be restored. */
export async function backupVerify(options: BackupOptions, id: string): Promise<{ summary: Summary; problems: string[] }> {
  const repository = await openRepository(requestOf(options, resolvePaths(options)));
  const summary = await repository.find(id);
  return { summary, problems: await repository.verify(summary) };
}

/** Into the running instance, or into the data directory of one that is stopped or never ran. */
export async function backupRestore(options: BackupOptions, id: string, how: { scope: RestoreScope; force: boolean }): Promise<Summary> {
  const paths = resolvePaths(options);
  const request: RestoreRequest = { ...requestOf(options, paths), id, ...how };
  const record = readRecord(paths);
  if (!record) {
    mkdirSync(paths.data, { recursive: true, mode: 0o700 });
    const found = await (await openRepository(request)).find(id);
    // `up` takes these addresses when they are free.
    writeRecord(paths, newRecord(paths, found.instance.slot));
  }
  return perform(options, paths, 'backup-restore', request, (deps) => restoreBackup(deps, request));
}
const newRecord = (paths: Paths, slot: number): InstanceRecord => ({
  id: paths.id,
  slot,
  kubePort: 6443,
  awsPort: 4566,
  listen: '127.0.0.1',
  runtime: 'sim',
  nodes: 1,
  simNodes: 0,
  version,
});

/** Sets, ends (`off`) or shows the schedule. */
export async function backupSchedule(options: BackupOptions, change?: { everyMs: number; retention: Retention } | 'off'): Promise<Schedule | undefined> {
  const paths = resolvePaths(options);
  const record = readRecord(paths);
  if (!record) throw new UserError(`no instance has run in ${paths.data}: start one with bin/batuta up`);
  if (change === undefined) return readSchedule(paths);
  if (change === 'off') writeSchedule(paths, undefined);
  else {
    readSecret(options);
    writeSchedule(paths, { ...change, place: readPlace(options, record.awsPort), secret: absolute(options) });
  }
  if (isRunning(paths)) await callControl(paths.control, 'backup-schedule-changed');
  return readSchedule(paths);
}

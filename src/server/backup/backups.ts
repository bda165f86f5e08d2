import { Repository, type Created, type Retention, type Secret, type Summary } from '#backup';
import { systemClock, systemRandom, type Logger } from '#base';
import type { Store } from '#store';
import type { ControlHandler } from '../control.ts';
import { UserError } from '../errors.ts';
import type { InstanceRecord, Paths } from '../paths.ts';
import { version } from '../version.ts';
import { applyRestore, stageRestore, type RestoreScope } from './restore.ts';
import { Scheduler } from './schedule.ts';
import { readSecret } from './secret.ts';
import { openSource } from './source.ts';
import { openTarget, type TargetPlace } from './target.ts';

/** What backups need of an instance, running or not. */
export interface BackupDeps {
  readonly paths: Paths;
  readonly record: Pick<InstanceRecord, 'id' | 'slot'>;
  readonly store: Store;
  /** Runs work while the registry's catalog is closed. */
  swapRegistry(work: () => void): Promise<void>;
}

export interface CreateRequest {
  readonly place: TargetPlace;
  /** Base64 of a raw key, or a passphrase. */
  readonly secret?: { readonly rawKey?: string | undefined; readonly passphrase?: string | undefined } | undefined;
  readonly retention?: Retention | undefined;
}
export interface RestoreRequest extends Omit<CreateRequest, 'retention'> {
  /** Of a backup, or `latest`. */
  readonly id: string;
  readonly scope: RestoreScope;
  /** Takes a state that was made in another address slot. */
  readonly force?: boolean | undefined;
}

export const sendable = (secret: Secret | undefined): CreateRequest['secret'] =>
  secret && ('rawKey' in secret ? { rawKey: secret.rawKey.toString('base64') } : { passphrase: secret.passphrase });
function received(secret: CreateRequest['secret']): Secret | undefined {
  if (secret?.rawKey !== undefined) return { rawKey: Buffer.from(secret.rawKey, 'base64') };
  return secret?.passphrase === undefined ? undefined : { passphrase: secret.passphrase };
}

export async function openRepository({ place, secret }: Omit<CreateRequest, 'retention'>, create = false): Promise<Repository> {
  return Repository.open({ target: await openTarget(place), secret: received(secret), create, clock: systemClock, random: systemRandom });
}

export async function createBackup(deps: BackupDeps, request: CreateRequest): Promise<Created> {
  const repository = await openRepository(request, true);
  using source = await openSource(deps.store, deps.paths, { id: deps.record.id, slot: deps.record.slot, version });
  // Awaited here: what it is made of goes with the end of this function.
  return await repository.create(source, request.retention);
}

export async function restoreBackup(deps: BackupDeps, request: RestoreRequest): Promise<Summary> {
  const repository = await openRepository(request);
  const summary = await repository.find(request.id);
  if (request.scope.state && request.force !== true && summary.instance.slot !== deps.record.slot) {
    throw new UserError(
      `backup ${summary.id} was made with addresses of slot ${summary.instance.slot}, this instance has slot ${deps.record.slot}: its Services and nodes would have addresses that nothing serves. ` +
        'Restore into a new data directory, take --only registry, or say --force',
    );
  }
  await stageRestore(deps.paths, repository, summary.id, await repository.manifest(summary), request.scope);
  await applyRestore(deps.paths, deps.store, deps.swapRegistry);
  return summary;
}

export interface Backups {
  readonly handlers: Record<string, ControlHandler>;
  stop(): Promise<void>;
}

/** Backups of a running instance: one at a time, on command and on schedule. */
export function startBackups(deps: BackupDeps, log: Logger): Backups {
  let last: Promise<unknown> = Promise.resolve();
  const oneByOne = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  };
  const scheduler = new Scheduler({
    paths: deps.paths,
    clock: systemClock,
    log,
    create: (schedule) => oneByOne(async () => createBackup(deps, { ...schedule, secret: sendable(readSecret(schedule.secret)) })),
  });
  scheduler.changed();
  return {
    handlers: {
      'backup-create': (body) => oneByOne(() => createBackup(deps, body as CreateRequest)),
      'backup-restore': (body) => oneByOne(() => restoreBackup(deps, body as RestoreRequest)),
      'backup-schedule-changed': async () => scheduler.changed(),
    },
    async stop() {
      await scheduler.stop();
      await last;
    },
  };
}

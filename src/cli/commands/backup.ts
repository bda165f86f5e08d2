import { parseDuration } from '#base';
import { backupCommands, UsageError } from '#server';
import { flag, instanceOptions, pathOptions, print, text, type Command, type Parsed } from '../command.ts';

const usage = 'create | list | verify [ID] | restore [ID] | schedule [--every TIME | --off]';

type Actions = Awaited<ReturnType<typeof backupCommands>>;
type Options = Parameters<Actions['backupList']>[0];

const optionsOf = (args: Parsed): Options => ({
  ...pathOptions(args),
  to: text(args, 'to'),
  endpoint: text(args, 'endpoint'),
  region: text(args, 'region'),
  keyFile: text(args, 'key-file'),
  passphraseFile: text(args, 'passphrase-file'),
  encryptionConfig: text(args, 'encryption-config'),
});
function count(args: Parsed, name: string): number | undefined {
  const value = text(args, name);
  if (value !== undefined && !/^\d{1,4}$/.test(value)) throw new UsageError(`--${name} ${value}: a number`);
  return value === undefined ? undefined : Number(value);
}
const retentionOf = (args: Parsed): { last: number | undefined; daily: number | undefined; weekly: number | undefined } => ({
  last: count(args, 'keep-last'),
  daily: count(args, 'keep-daily'),
  weekly: count(args, 'keep-weekly'),
});
/** Prints as JSON when asked, else as lines. */
function show(args: Parsed, value: unknown, lines: readonly string[]): void {
  if (flag(args, 'json')) print(JSON.stringify(value, null, 2));
  else for (const line of lines) print(line);
}
const date = (ms: number): string => new Date(ms).toISOString().replace(/\.\d{3}/, '');

async function create({ backupCreate }: Actions, args: Parsed): Promise<number> {
  const made = await backupCreate(optionsOf(args), retentionOf(args));
  const lines = [
    `${made.id}: ${made.objects} objects at revision ${made.revision}, ${made.blobs} blobs, ${made.bytes} bytes`,
    `sent ${made.sent.bytes} bytes to ${made.target}`,
    ...(made.pruned.length > 0 ? [`pruned ${made.pruned.join(' ')}`] : []),
  ];
  show(args, made, lines);
  return 0;
}
async function list({ backupList }: Actions, args: Parsed): Promise<number> {
  const found = await backupList(optionsOf(args));
  const lines = found.backups.map((b) => `${b.id}  ${date(b.created)}  instance ${b.instance.id}  ${b.objects} objects  ${b.blobs} blobs  ${b.bytes} bytes`);
  show(args, found, [
    ...lines,
    ...found.damaged.map((name) => `${name}  damaged`),
    ...(lines.length + found.damaged.length === 0 ? ['there are no backups'] : []),
  ]);
  return 0;
}
async function verify({ backupVerify }: Actions, args: Parsed, id: string): Promise<number> {
  const { summary, problems } = await backupVerify(optionsOf(args), id);
  show(args, { id: summary.id, problems }, [...problems, problems.length === 0 ? `${summary.id} is whole` : `${summary.id} cannot be restored whole`]);
  return problems.length === 0 ? 0 : 1;
}
async function restore({ backupRestore }: Actions, args: Parsed, id: string): Promise<number> {
  const only = text(args, 'only');
  if (only !== undefined && only !== 'state' && only !== 'registry') throw new UsageError(`--only ${only}: state or registry`);
  const scope = { state: only !== 'registry', registry: only !== 'state' };
  const summary = await backupRestore(optionsOf(args), id, { scope, force: flag(args, 'force') });
  show(args, { id: summary.id, ...scope }, [`restored ${summary.id}: ${only ?? 'state and registry'} as of ${date(summary.created)}`]);
  return 0;
}
async function schedule({ backupSchedule }: Actions, args: Parsed): Promise<number> {
  const every = text(args, 'every');
  const everyMs = every === undefined ? undefined : parseDuration(every);
  if (every !== undefined && (everyMs === undefined || everyMs < 60_000))
    throw new UsageError(`--every ${every}: a time of a minute or more, such as 30m or 24h`);
  const change = flag(args, 'off') ? ('off' as const) : everyMs === undefined ? undefined : { everyMs, retention: retentionOf(args) };
  const now = await backupSchedule(optionsOf(args), change);
  const last = now?.lastTry === undefined ? 'none yet' : `${date(now.lastTry)}, ${now.lastResult}`;
  show(args, now ?? null, now ? [`every ${now.everyMs / 60_000} min; last: ${last}`] : ['no backups are scheduled']);
  return 0;
}

export const command: Command = {
  name: 'backup',
  summary: 'back up cluster state and registry to a folder or an S3 bucket, and restore',
  usage,
  options: {
    ...instanceOptions,
    to: { type: 'string', value: 'TARGET', help: "DIR or s3://BUCKET/PREFIX (default: bucket batuta-backups of the instance's own S3)" },
    endpoint: { type: 'string', value: 'URL', help: 'of an S3-compatible service (default: AWS)' },
    region: { type: 'string', value: 'REGION', help: 'of the bucket', default: 'us-east-1' },
    'key-file': { type: 'string', value: 'FILE', help: 'encrypt with the 32 bytes in it (raw, hexadecimal or base64)' },
    'passphrase-file': { type: 'string', value: 'FILE', help: 'encrypt with a key derived from its first line' },
    'encryption-config': { type: 'string', value: 'FILE', help: 'of a stopped instance that was started with --encryption-config' },
    'keep-last': { type: 'string', value: 'N', help: 'create, schedule: keep the newest N backups (default: all)' },
    'keep-daily': { type: 'string', value: 'N', help: 'create, schedule: and the newest of each of N days' },
    'keep-weekly': { type: 'string', value: 'N', help: 'create, schedule: and the newest of each of N weeks' },
    only: { type: 'string', value: 'PART', help: 'restore: state or registry' },
    force: { type: 'boolean', help: 'restore: also a state with addresses of another slot' },
    every: { type: 'string', value: 'TIME', help: 'schedule: how often, such as 6h' },
    off: { type: 'boolean', help: 'schedule: no more' },
    json: { type: 'boolean', help: 'machine-readable output' },
  },
  async run(args) {
    const [action = '', id = 'latest', ...more] = args.positionals;
    if (more.length > 0) throw new UsageError(`unexpected argument ${more[0]}`);
    const actions = await backupCommands();
    switch (action) {
      case 'create':
        return create(actions, args);
      case 'list':
        return list(actions, args);
      case 'verify':
        return verify(actions, args, id);
      case 'restore':
        return restore(actions, args, id);
      case 'schedule':
        return schedule(actions, args);
      default:
        throw new UsageError(`say \`backup ${usage}\``);
    }
  },
};

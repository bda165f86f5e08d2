import { UsageError, UserError, describeScanDatabase, findAdvisories, updateScanDatabase } from '#server';
import { flag, instanceOptions, pathOptions, print, texts, type Command, type Parsed } from '../command.ts';

export const command: Command = {
  name: 'scan-db',
  summary: 'update, list or show the advisories that images are compared with',
  usage: 'update [ECOSYSTEM …] | list | show ID',
  options: {
    ...instanceOptions,
    from: {
      type: 'string',
      value: 'SOURCE',
      help: "update from a file, directory or URL: OSV records or dumps, or Debian's tracker (may be repeated)",
      multiple: true,
    },
    json: { type: 'boolean', help: 'machine-readable output' },
  },
  async run(args) {
    const [verb, ...rest] = args.positionals;
    if (verb === 'update') return update(args, rest);
    if (verb === 'list' && rest.length === 0) return list(args);
    if (verb === 'show' && rest.length === 1) return show(args, rest[0] as string);
    throw new UsageError('say `scan-db update Debian npm …`, `scan-db update --from SOURCE`, `scan-db list`, or `scan-db show CVE-2022-0778`');
  },
};

async function update(args: Parsed, ecosystems: string[]): Promise<number> {
  const from = texts(args, 'from');
  if (from.length + ecosystems.length === 0)
    throw new UsageError('say of what: ecosystems of OSV (Debian, Alpine, Ubuntu, npm, PyPI, Go, Maven …), or --from a file, directory or URL');
  const progress = (text: string): void => void process.stderr.write(`${text}\n`);
  const { added, changed, unchanged, removed, rejected } = await updateScanDatabase(pathOptions(args), { ecosystems, from, progress });
  if (flag(args, 'json')) print(JSON.stringify({ added, changed, unchanged, removed, rejected }));
  else {
    print(`${added} advisories are new, ${changed} changed, ${unchanged} are as they were${removed > 0 ? `, ${removed} are gone` : ''}`);
    for (const why of rejected.slice(0, 10)) process.stderr.write(`left out: ${why}\n`);
    if (rejected.length > 10) process.stderr.write(`left out: ${rejected.length - 10} more\n`);
  }
  return 0;
}

async function list(args: Parsed): Promise<number> {
  const { updated, sources, ecosystems } = await describeScanDatabase(pathOptions(args));
  const time = (ms: number | undefined): string => (ms === undefined ? 'never' : new Date(ms).toISOString());
  if (flag(args, 'json'))
    print(
      JSON.stringify({
        updated: updated === undefined ? null : time(updated),
        sources: sources.map((one) => ({ ...one, updated: time(one.updated) })),
        ecosystems,
      }),
    );
  else {
    for (const { name, advisories } of ecosystems) print(`${name.padEnd(20)} ${advisories} advisories`);
    print('');
    for (const { name, updated, advisories } of sources) print(`from ${name}: ${advisories}, updated ${time(updated)}`);
  }
  return 0;
}

async function show(args: Parsed, id: string): Promise<number> {
  const found = await findAdvisories(pathOptions(args), id);
  if (found.length === 0) throw new UserError(`${id}: no advisory, CVE or package of that name is known: see bin/batuta scan-db list`);
  print(JSON.stringify(found, undefined, 2));
  return 0;
}

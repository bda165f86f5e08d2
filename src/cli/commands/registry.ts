import { parseDuration } from '#base';
import { collectRegistry, UsageError } from '#server';
import { flag, instanceOptions, pathOptions, print, text, type Command } from '../command.ts';

export const command: Command = {
  name: 'registry',
  summary: 'take care of the image registry: give space back now',
  usage: 'gc',
  options: {
    ...instanceOptions,
    'unused-for': { type: 'string', value: 'DURATION', help: 'what nothing has needed for so long goes; less than a push takes breaks pushes', default: '24h' },
    json: { type: 'boolean', help: 'machine-readable output' },
  },
  async run(args) {
    const [what, ...more] = args.positionals;
    if (what !== 'gc' || more.length > 0) throw new UsageError('registry: the only command is gc');
    const given = text(args, 'unused-for') ?? '24h';
    const unusedMs = parseDuration(given);
    if (unusedMs === undefined || unusedMs < 0) throw new UsageError(`--unused-for ${given}: a duration such as 24h or 90m`);
    const done = await collectRegistry(pathOptions(args), unusedMs);
    if (flag(args, 'json')) print(JSON.stringify(done));
    else print(`${done.blobs} blobs and ${done.uploads} unfinished uploads are gone; ${done.links} unused layers left their repositories`);
    return 0;
  },
};

import { runDown } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'down',
  summary: 'stop the cluster and its containers; the state stays unless --purge',
  options: { ...instanceOptions, purge: { type: 'boolean', help: 'also delete the state' } },
  async run(args) {
    const outcome = await runDown({ ...pathOptions(args), purge: flag(args, 'purge') });
    print(outcome);
    return 0;
  },
};

import { UsageError, resetAws } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'reset',
  summary: 'delete all state of the AWS APIs of an instance that was started with --allow-reset',
  options: { ...instanceOptions, aws: { type: 'boolean', help: 'what to reset: all state of the AWS APIs (needed)' } },
  async run(args) {
    if (!flag(args, 'aws')) throw new UsageError('say what to reset: --aws');
    await resetAws(pathOptions(args));
    print('all state of the AWS APIs is gone');
    return 0;
  },
};

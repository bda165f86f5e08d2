import { followLog } from '#server';
import { flag, instanceOptions, pathOptions, text, type Command } from '../command.ts';

export const command: Command = {
  name: 'logs',
  summary: 'show the log of a detached instance',
  options: {
    ...instanceOptions,
    follow: { type: 'boolean', help: 'keep on printing what is added' },
    audit: { type: 'boolean', help: 'the AWS calls instead: who, what, allowed or why not; a JSON line each' },
    events: { type: 'boolean', help: 'the events of the AWS services instead, as EventBridge carries them; a JSON line each' },
    tail: { type: 'string', value: 'N', help: 'only the last N lines', default: '100' },
  },
  async run(args) {
    await followLog(pathOptions(args), {
      follow: flag(args, 'follow'),
      what: flag(args, 'audit') ? 'audit' : flag(args, 'events') ? 'events' : 'log',
      tail: Number(text(args, 'tail') ?? 100),
      write: (chunk) => void process.stdout.write(chunk),
    });
    return 0;
  },
};

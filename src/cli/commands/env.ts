import { instanceEnvironment } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

const quote = (value: string): string => (/^[A-Za-z0-9_./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`);

export const command: Command = {
  name: 'env',
  summary: 'print exports for eval: eval "$(bin/batuta env)"',
  options: { ...instanceOptions, json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    const variables = await instanceEnvironment(pathOptions(args));
    if (flag(args, 'json')) print(JSON.stringify(variables, null, 2));
    else for (const [name, value] of Object.entries(variables)) print(`export ${name}=${quote(value)}`);
    return 0;
  },
};

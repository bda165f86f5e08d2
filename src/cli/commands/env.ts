import { awsProfile, instanceEnvironment } from '#server';
import { flag, instanceOptions, pathOptions, print, text, type Command } from '../command.ts';

const quote = (value: string): string => (/^[A-Za-z0-9_./:@-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`);

export const command: Command = {
  name: 'env',
  summary: 'print exports for eval: eval "$(bin/batuta env)"',
  options: {
    ...instanceOptions,
    json: { type: 'boolean', help: 'machine-readable output' },
    'aws-config': { type: 'boolean', help: 'a profile for ~/.aws/config instead of exports: bin/batuta env --aws-config >> ~/.aws/config' },
    'aws-profile': { type: 'string', value: 'NAME', help: 'name of that profile', default: 'batuta' },
  },
  async run(args) {
    if (flag(args, 'aws-config')) {
      process.stdout.write(await awsProfile(pathOptions(args), text(args, 'aws-profile') ?? 'batuta'));
      return 0;
    }
    const variables = await instanceEnvironment(pathOptions(args));
    if (flag(args, 'json')) print(JSON.stringify(variables, null, 2));
    else for (const [name, value] of Object.entries(variables)) print(`export ${name}=${quote(value)}`);
    return 0;
  },
};

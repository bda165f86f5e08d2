import type { ParseArgsOptionsConfig } from 'node:util';

/** One option of a command, for parsing, --help and completion alike. */
export interface Option {
  type: 'string' | 'boolean';
  /** What stands for the value in --help, for example DIR. */
  value?: string;
  help: string;
  default?: string;
  multiple?: boolean;
  /** One letter that stands for it. */
  short?: string;
}

export interface Parsed {
  values: Record<string, string | boolean | (string | boolean)[] | undefined>;
  positionals: string[];
}

export interface Command {
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** After the command's name, for example `import FILE.tar`. */
  usage?: string;
  options: Record<string, Option>;
  /** Returns the exit code. Throws UserError for problems the user can mend. */
  run(args: Parsed): Promise<number>;
}

export const instanceOptions: Record<string, Option> = {
  'data-dir': { type: 'string', value: 'DIR', help: 'where the instance keeps its state (default ~/.batuta/NAME)' },
  name: { type: 'string', value: 'NAME', help: 'name of the instance (default "default")' },
};

/** The options every command has, with its own. */
export const withHelp = (options: Record<string, Option>): Record<string, Option> => ({ ...options, help: { type: 'boolean', help: 'show this help' } });

export function parseOptions(options: Record<string, Option>): ParseArgsOptionsConfig {
  return Object.fromEntries(
    Object.entries(withHelp(options)).map(([name, o]) => [
      name,
      { type: o.type, ...(o.multiple ? { multiple: true } : {}), ...(name === 'help' ? { short: 'h' } : o.short ? { short: o.short } : {}) },
    ]),
  );
}

export const text = (args: Parsed, name: string): string | undefined => {
  const value = args.values[name];
  return typeof value === 'string' ? value : undefined;
};
/** All values of an option that may be given several times. */
export const texts = (args: Parsed, name: string): string[] => {
  const value = args.values[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
};
export const flag = (args: Parsed, name: string): boolean => args.values[name] === true;
export const pathOptions = (args: Parsed): { dataDir: string | undefined; name: string | undefined } => ({
  dataDir: text(args, 'data-dir'),
  name: text(args, 'name'),
});

export const print = (line: string): void => void process.stdout.write(line + '\n');

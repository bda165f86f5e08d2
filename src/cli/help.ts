import { withHelp, type Command } from './command.ts';

export async function overview(commands: Record<string, () => Promise<{ command: Command }>>): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  const width = Math.max(...all.map(({ command }) => command.name.length));
  const lines = all.map(({ command }) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return `batuta: a container cloud in one process\n\nUsage: bin/batuta COMMAND [OPTIONS]\n\n${lines.join('\n')}\n\nbin/batuta COMMAND --help tells more.\n`;
}

export function commandHelp(command: Command): string {
  const options = Object.entries(withHelp(command.options)).map(([name, o]) => ({
    left: `  ${o.short ? `-${o.short}, ` : ''}--${name}${o.type === 'string' ? ` ${o.value ?? 'VALUE'}` : ''}`,
    o,
  }));
  const width = Math.max(...options.map(({ left }) => left.length)) + 2;
  const rows = options.map(({ left, o }) => `${left.padEnd(width)}${o.help}${o.default === undefined ? '' : ` (default ${o.default})`}`);
  return `${command.summary}\n\nUsage: bin/batuta ${command.name}${command.usage ? ` ${command.usage}` : ''} [OPTIONS]\n\n${rows.join('\n')}\n`;
}

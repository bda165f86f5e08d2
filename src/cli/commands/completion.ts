import { UsageError } from '#server';
import { print, type Command } from '../command.ts';

/** Words to complete, read from the commands themselves, so that the script never lags behind them. */
async function table(): Promise<{ name: string; options: string[] }[]> {
  const { commands } = await import('../index.ts');
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return all.map(({ command }) => ({ name: command.name, options: ['--help', ...Object.keys(command.options).map((o) => `--${o}`)] }));
}

async function bash(): Promise<string> {
  const rows = await table();
  const cases = rows.map((r) => `    ${r.name}) words="${r.options.join(' ')}" ;;`).join('\n');
  return `_batuta() {
  local words
  if [ "$COMP_CWORD" -eq 1 ]; then words="${rows.map((r) => r.name).join(' ')}"
  else case "\${COMP_WORDS[1]}" in
${cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _batuta batuta bin/batuta`;
}

export const command: Command = {
  name: 'completion',
  summary: 'print a completion script: source <(bin/batuta completion bash)',
  usage: 'bash | zsh',
  options: {},
  async run(args) {
    const shell = args.positionals[0] ?? 'bash';
    if (shell !== 'bash' && shell !== 'zsh') throw new UsageError(`completion ${shell}: bash or zsh`);
    print((shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '') + (await bash()));
    return 0;
  },
};

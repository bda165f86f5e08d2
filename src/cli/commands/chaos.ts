import { parseDuration } from '#base';
import { chaosHeal, chaosList, chaosStart, UsageError, type ChaosRequest } from '#server';
import { flag, instanceOptions, pathOptions, print, text, type Command, type Parsed } from '../command.ts';

const usage = 'kill-node [NODE] | kill-zone ZONE | network-loss [NODE] | pods | heal [NODE] | list';
const actions = ['kill-node', 'kill-zone', 'network-loss', 'pods'];

function span(args: Parsed, name: string): number | undefined {
  const value = text(args, name);
  const ms = value === undefined ? undefined : parseDuration(value);
  if (value !== undefined && ms === undefined) throw new UsageError(`--${name} ${value}: a time such as 30s, 5m or 1m30s`);
  return ms;
}
function readRequest(args: Parsed, action: string, target: string | undefined): ChaosRequest {
  const percent = text(args, 'percent');
  if (percent !== undefined && !/^\d+(\.\d+)?$/.test(percent)) throw new UsageError(`--percent ${percent}: a number`);
  if (action !== 'pods') {
    for (const name of ['percent', 'selector', 'namespace', 'delete'])
      if (args.values[name] !== undefined) throw new UsageError(`--${name} goes with pods only`);
  } else if (target !== undefined) throw new UsageError('pods are chosen with --selector, --namespace and --percent');
  return {
    action: action as ChaosRequest['action'],
    target,
    percent: percent === undefined ? undefined : Number(percent),
    selector: text(args, 'selector'),
    namespace: text(args, 'namespace'),
    delete: flag(args, 'delete'),
    everyMs: span(args, 'every'),
    forMs: span(args, 'for'),
  };
}

async function list(args: Parsed): Promise<void> {
  const { experiments, broken } = await chaosList(pathOptions(args));
  if (flag(args, 'json')) return print(JSON.stringify({ experiments, broken }, null, 2));
  for (const { id, request, rounds, startedAt, endsAt } of experiments) {
    const ends = endsAt === undefined ? 'until it is ended by chaos heal' : `until ${new Date(endsAt).toISOString()}`;
    print(
      `experiment ${id}  ${request.action}${request.target ? ` ${request.target}` : ''}  since ${new Date(startedAt).toISOString()}, ${ends}, round ${rounds}`,
    );
  }
  for (const { node, state } of broken) print(`node ${node}  ${state}`);
  if (experiments.length + broken.length === 0) print('no experiment runs, and every node is well');
}

export const command: Command = {
  name: 'chaos',
  summary: 'break nodes and pods on purpose: once, for a while, or again and again',
  usage,
  options: {
    ...instanceOptions,
    percent: { type: 'string', value: 'P', help: 'pods: the share of those that match', default: '100' },
    selector: { type: 'string', value: 'SELECTOR', short: 'l', help: 'pods: by labels' },
    namespace: { type: 'string', value: 'NAMESPACE', short: 'n', help: 'pods: of one namespace (default: all)' },
    delete: { type: 'boolean', help: 'pods: delete them through the API, in place of killing their containers' },
    every: { type: 'string', value: 'TIME', help: 'again after this time, such as 30s; what was broken is healed first' },
    for: { type: 'string', value: 'TIME', help: 'end after this time, such as 5m, and heal what is broken' },
    json: { type: 'boolean', help: 'machine-readable output' },
  },
  async run(args) {
    const [action = '', target, ...more] = args.positionals;
    if (more.length > 0) throw new UsageError(`unexpected argument ${more[0]}`);
    if (action === 'list') {
      await list(args);
      return 0;
    }
    if (action === 'heal') {
      const healed = await chaosHeal(pathOptions(args), target);
      print(flag(args, 'json') ? JSON.stringify({ healed }) : healed.length > 0 ? `healed ${healed.join(' ')}` : 'nothing was broken');
      return 0;
    }
    if (!actions.includes(action)) throw new UsageError(`say \`chaos ${usage}\``);
    const answer = await chaosStart(pathOptions(args), readRequest(args, action, target));
    if (flag(args, 'json')) print(JSON.stringify(answer));
    else print(`${action}: ${answer.hit.join(' ')}${answer.running ? ` (experiment ${answer.experiment}; end it with chaos heal)` : ''}`);
    return 0;
  },
};

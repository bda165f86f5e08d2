import { UsageError, fetchWhy, type WhyReport } from '#server';
import { flag, instanceOptions, pathOptions, print, text, type Command } from '../command.ts';

export const command: Command = {
  name: 'why',
  summary: 'say why a pod is not running, or what keeps a workload back',
  usage: 'KIND NAME',
  options: {
    ...instanceOptions,
    namespace: { type: 'string', value: 'NAMESPACE', help: 'namespace of the object', default: 'default', short: 'n' },
    json: { type: 'boolean', help: 'everything, for machines' },
  },
  async run(args) {
    const [kind, name, ...rest] = args.positionals.flatMap((word) => word.split('/'));
    if (!kind || !name || rest.length > 0) throw new UsageError('say what: bin/batuta why pod NAME [-n NAMESPACE]');
    const report = await fetchWhy(pathOptions(args), { kind, name, namespace: text(args, 'namespace') ?? 'default' });
    if (flag(args, 'json')) print(JSON.stringify(report, undefined, 2));
    else for (const line of lines(report, '')) print(line);
    return 0;
  },
};

function* lines(report: WhyReport, indent: string): Generator<string> {
  yield `${indent}${report.subject}: ${report.summary}`;
  for (const detail of report.details) yield `${indent}  ${detail}`;
  for (const line of nodeLines(report.nodes ?? [])) yield `${indent}  ${line}`;
  for (const { reason, message, count } of report.events) yield `${indent}  event ${reason}${count > 1 ? ` (${count} times)` : ''}: ${message}`;
  for (const owned of report.owned) yield* lines(owned, `${indent}  `);
}

/** Nodes that object to the same are told of together. */
function* nodeLines(nodes: NonNullable<WhyReport['nodes']>): Generator<string> {
  const fitting = nodes.filter((node) => node.fits).map((node) => node.name);
  if (fitting.length > 0) yield `${few(fitting)}: fits`;
  const objections = nodes.flatMap((node) =>
    node.objections.map((one) => ({ node: node.name, plugin: one.plugin, why: one.reasons.join(', '), advice: one.advice ?? '' })),
  );
  for (const [why, group] of Map.groupBy(objections, (one) => `${one.plugin}: ${one.why}`)) {
    const advice = [...new Set(group.map((one) => one.advice))];
    yield `${few(group.map((one) => one.node))}: ${why}`;
    if (advice[0]) yield `  what helps: ${advice[0]}${advice.length > 1 ? ' (and the like)' : ''}`;
  }
}
const few = (names: readonly string[]): string => (names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', '));

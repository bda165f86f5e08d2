import { fetchStatus, type Status } from '#server';
import { flag, instanceOptions, pathOptions, print, type Command } from '../command.ts';

function show(status: Status): void {
  print(`${status.ready ? 'ready' : 'not ready'}  pid ${status.pid}  version ${status.version}`);
  const { kubernetes, aws, registry, dashboard } = status.endpoints;
  for (const [name, url] of Object.entries({ kubernetes, aws, registry, dashboard })) if (url !== null) print(`${name}  ${url}`);
  for (const part of status.components) print(`  ${part.ready ? '✓' : '…'} ${part.name}${part.message ? `: ${part.message}` : ''}`);
  const ready = status.nodes.filter((n) => n.ready).length;
  print(`nodes  ${ready}/${status.nodes.length} ready`);
  for (const node of status.nodes.slice(0, 10)) print(`  ${node.ready ? '✓' : '…'} ${node.name}  ${node.runtime}`);
  if (status.nodes.length > 10) print(`  … and ${status.nodes.length - 10} more`);
}

export const command: Command = {
  name: 'status',
  summary: 'show what runs; exit code 0 only when everything is ready',
  options: { ...instanceOptions, json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    const status = await fetchStatus(pathOptions(args));
    if (flag(args, 'json')) print(JSON.stringify(status, null, 2));
    else show(status);
    return status.ready ? 0 : 1;
  },
};

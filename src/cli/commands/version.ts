import { kubernetesVersion, version } from '#server';
import { flag, print, type Command } from '../command.ts';

export const command: Command = {
  name: 'version',
  summary: 'print the version',
  options: { json: { type: 'boolean', help: 'machine-readable output' } },
  async run(args) {
    if (flag(args, 'json')) print(JSON.stringify({ version, kubernetes: kubernetesVersion, node: process.versions.node }));
    else print(`batuta ${version} (Kubernetes API ${kubernetesVersion}, Node ${process.versions.node})`);
    return 0;
  },
};

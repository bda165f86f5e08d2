import { readKubeconfig } from '#server';
import { instanceOptions, pathOptions, type Command } from '../command.ts';

export const command: Command = {
  name: 'kubeconfig',
  summary: "print the administrator's kubeconfig",
  options: { ...instanceOptions },
  async run(args) {
    process.stdout.write(readKubeconfig(pathOptions(args)));
    return 0;
  },
};

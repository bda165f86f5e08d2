import { statfsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';

/** What each of `nodes` nodes on this machine may promise: an equal share of memory and disk; CPUs are shared, as they are in use. */
export function nodeCapacity(nodes: number): { cpu: string; memory: string; pods: string; 'ephemeral-storage': string } {
  const share = Math.max(1, nodes);
  const disk = statfsSync('/');
  return {
    cpu: String(Math.max(1, Math.floor(cpus().length / share))),
    memory: `${Math.floor(totalmem() / share / 1024)}Ki`,
    pods: '110',
    'ephemeral-storage': `${Math.floor((disk.blocks * disk.bsize) / share / 1024)}Ki`,
  };
}

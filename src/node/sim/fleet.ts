import type { Clock, Logger, Random } from '#base';
import type { Client } from '#client';
import type { NodeStreams } from '#machinery';
import type { NodeAgentOptions } from '../agent.ts';
import type { NodeConfig } from '../node-status.ts';
import { Machine, type MachineState } from './machine.ts';
import type { SimulatedRuntime } from './runtime.ts';

export interface FleetOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** What all agents share. */
  agent: Pick<NodeAgentOptions, 'dataDir' | 'logDir' | 'clusterDNS' | 'clusterDomain' | 'kubernetesService' | 'leaseSeconds' | 'events' | 'yields'>;
  /** Told where logs, exec and the like of a node's pods go. */
  onStreams?(node: string, streams: NodeStreams): void;
}
export interface BootOptions {
  /** ms until the machine is Ready. */
  delayMs?: number;
  /** Images that are there from the start. */
  images?: readonly string[];
}

/** Simulated machines, by the names of their nodes. */
export interface Fleet {
  /** Switches a machine on. A name that is there already is left alone. */
  add(config: NodeConfig, boot?: BootOptions): void;
  /** Takes a machine away, without a word to the API. False when there is none of the name. */
  remove(name: string): boolean;
  /** Cuts the power. False when there is no such machine. */
  kill(name: string): boolean;
  /** Cuts the network. False when there is no such machine, or it is dead. */
  silence(name: string): boolean;
  /** Mends what `kill` or `silence` did. False when there is no such machine. */
  heal(name: string): boolean;
  state(name: string): MachineState | undefined;
  config(name: string): NodeConfig | undefined;
  names(): string[];
  runtime(name: string): SimulatedRuntime | undefined;
  /** Resolves when every machine that there is now, or that is named, is Ready. */
  ready(names?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

export function createFleet(options: FleetOptions): Fleet {
  const machines = new Map<string, Machine>();
  const withMachine = (name: string, act: (machine: Machine) => boolean | void): boolean => {
    const machine = machines.get(name);
    return machine !== undefined && act(machine) !== false;
  };
  return {
    add(config, { delayMs = 0, images = [] } = {}) {
      if (machines.has(config.name)) return;
      const machine = new Machine(config, options, images);
      machines.set(config.name, machine);
      machine.boot(delayMs);
    },
    remove: (name) => withMachine(name, (machine) => (machine.kill(), machines.delete(name))),
    kill: (name) => withMachine(name, (machine) => machine.kill()),
    silence: (name) => withMachine(name, (machine) => (machine.silence(), machine.state === 'silent')),
    heal: (name) => withMachine(name, (machine) => machine.heal()),
    state: (name) => machines.get(name)?.state,
    config: (name) => machines.get(name)?.config,
    names: () => [...machines.keys()],
    runtime: (name) => machines.get(name)?.runtime,
    ready: async (names = [...machines.keys()]) => void (await Promise.all(names.map(async (name) => machines.get(name)?.ready))),
    stop: async () => void (await Promise.all([...machines.values()].map((machine) => machine.stop()))),
  };
}

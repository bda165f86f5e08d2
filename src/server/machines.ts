/** What chaos can be done to the nodes of this instance, real or simulated. */
export interface Machines {
  names(): string[];
  /** `running`, `booting`, `silent` or `dead`; undefined when there is no such machine. */
  state(name: string): string | undefined;
  /** The machine is off: containers are gone, the agent is silent. */
  kill(name: string): Promise<void>;
  /** The machine is cut off: containers go on, the agent is silent. */
  silence(name: string): Promise<void>;
  heal(name: string): Promise<void>;
  /** Ends the containers of a pod, as a crash does. */
  killPod(node: string, podUid: string): Promise<void>;
}

/** Several as one. */
export function together(all: readonly Machines[]): Machines {
  const of = (name: string): Machines | undefined => all.find((machines) => machines.state(name) !== undefined);
  return {
    names: () => all.flatMap((machines) => machines.names()),
    state: (name) => of(name)?.state(name),
    kill: async (name) => of(name)?.kill(name),
    silence: async (name) => of(name)?.silence(name),
    heal: async (name) => of(name)?.heal(name),
    killPod: async (node, uid) => of(node)?.killPod(node, uid),
  };
}

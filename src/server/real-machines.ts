import type { NodeAgent, Runtime } from '#node';
import type { Machines } from './machines.ts';
import type { NodePlan } from './plan.ts';

interface Machine {
  readonly node: NodePlan;
  readonly runtime: Runtime;
  /** Undefined while it is stopped on purpose. */
  agent: NodeAgent | undefined;
  state: 'running' | 'silent' | 'dead';
}
type StartAgent = (node: NodePlan, runtime: Runtime) => Promise<NodeAgent>;

/** The nodes that run containers. A dead one has no containers and no agent; its network and containerd are those of all. */
export class RealMachines implements Machines {
  readonly #machines = new Map<string, Machine>();
  readonly #start: StartAgent;

  private constructor(start: StartAgent) {
    this.#start = start;
  }
  static async start(nodes: readonly NodePlan[], start: StartAgent, runtimeOf: (node: string) => Runtime): Promise<RealMachines> {
    const machines = new RealMachines(start);
    await Promise.all(
      nodes.map(async (node) => {
        const runtime = runtimeOf(node.name);
        machines.#machines.set(node.name, { node, runtime, agent: await start(node, runtime), state: 'running' });
      }),
    );
    return machines;
  }
  async ready(): Promise<void> {
    await Promise.all([...this.#machines.values()].map(async ({ agent }) => agent?.ready));
  }
  async stop(how: Parameters<NodeAgent['stop']>[0]): Promise<void> {
    await Promise.all([...this.#machines.values()].map(async ({ agent }) => agent?.stop(how)));
  }

  names(): string[] {
    return [...this.#machines.keys()];
  }
  state(name: string): string | undefined {
    return this.#machines.get(name)?.state;
  }
  async kill(name: string): Promise<void> {
    const machine = this.#machines.get(name);
    if (!machine || machine.state === 'dead') return;
    await this.#disconnect(machine, 'dead');
    const sandboxes = await machine.runtime.list();
    const containers = sandboxes.flatMap((sandbox) => sandbox.containers).filter((c) => c.state === 'running');
    await Promise.all(containers.map((container) => machine.runtime.containers.stop(container.id, 0)));
    await Promise.all(sandboxes.map((sandbox) => machine.runtime.sandboxes.stop(sandbox.id)));
  }
  async silence(name: string): Promise<void> {
    const machine = this.#machines.get(name);
    if (machine?.state === 'running') await this.#disconnect(machine, 'silent');
  }
  async heal(name: string): Promise<void> {
    const machine = this.#machines.get(name);
    if (!machine || machine.state === 'running') return;
    machine.state = 'running';
    machine.agent = await this.#start(machine.node, machine.runtime);
  }
  async killPod(node: string, podUid: string): Promise<void> {
    const machine = this.#machines.get(node);
    if (!machine) return;
    const sandboxes = (await machine.runtime.list(podUid)).filter((sandbox) => sandbox.podUid === podUid);
    const running = sandboxes.flatMap((sandbox) => sandbox.containers.filter((c) => c.state === 'running'));
    await Promise.all(running.map((container) => machine.runtime.containers.stop(container.id, 0)));
  }
  async #disconnect(machine: Machine, state: 'silent' | 'dead'): Promise<void> {
    const { agent } = machine;
    machine.agent = undefined;
    machine.state = state;
    await agent?.stop();
  }
}

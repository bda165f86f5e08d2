import type { Timer } from '#base';
import { startNodeAgent, type NodeAgent } from '../agent.ts';
import type { NodeConfig } from '../node-status.ts';
import { cutClient, type CutClient } from './cut.ts';
import type { FleetOptions } from './fleet.ts';
import { createSimRuntime, type SimulatedRuntime } from './runtime.ts';

/** Running; silent: its network is lost and its containers go on; dead: it is off. */
export type MachineState = 'booting' | 'running' | 'silent' | 'dead';

/** One simulated machine: a runtime, and the node agent on it. Outlives its agent. */
export class Machine {
  readonly config: NodeConfig;
  state: MachineState = 'booting';
  runtime: SimulatedRuntime;
  /** Resolves when the node is Ready, or when it was switched off before. */
  ready: Promise<void> = Promise.resolve();
  readonly #options: FleetOptions;
  readonly #images: readonly string[];
  #agent: NodeAgent | undefined;
  #client: CutClient | undefined;
  #boot: { timer: Timer; gaveUp(): void } | undefined;

  constructor(config: NodeConfig, options: FleetOptions, images: readonly string[]) {
    this.config = config;
    this.#options = options;
    this.#images = images;
    this.runtime = this.#newRuntime(false);
  }
  /** Becomes Ready `delayMs` from now. What the API says runs on the node is taken up as running. */
  boot(delayMs: number): void {
    this.state = 'booting';
    if (delayMs <= 0) return this.#start();
    this.ready = new Promise((resolve) => {
      const timer = this.#options.clock.after(delayMs, () => {
        this.#boot = undefined;
        this.#start();
        this.ready.then(resolve, resolve);
      });
      this.#boot = { timer, gaveUp: resolve };
    });
  }
  /** As when the power is cut: nothing is told to anybody, and nothing is left of the containers. */
  kill(): void {
    this.#disconnect();
    this.runtime.powerOff();
    this.state = 'dead';
  }
  /** The network is lost: no lease, no status, no new pods; containers go on as they are. */
  silence(): void {
    if (this.state === 'dead') return;
    this.#disconnect();
    this.state = 'silent';
  }
  /** Back to life: a silent machine finds its containers as they are, a dead one boots and starts them anew. */
  heal(delayMs = 0): void {
    if (this.state === 'dead') this.runtime = this.#newRuntime(true);
    if (this.state === 'dead' || this.state === 'silent') this.boot(delayMs);
  }
  /** The agent ends, in peace. */
  async stop(): Promise<void> {
    this.#cancelBoot();
    const agent = this.#agent;
    this.#agent = undefined;
    await agent?.stop();
    this.runtime.powerOff();
    this.state = 'dead';
  }

  #start(): void {
    const { agent, client, clock, random, log, onStreams } = this.#options;
    this.#client = cutClient(client);
    this.#agent = startNodeAgent({ ...agent, client: this.#client, clock, random, log, runtime: this.runtime, simulated: true, node: this.config });
    this.state = 'running';
    this.ready = this.#agent.ready;
    onStreams?.(this.config.name, this.#agent.streams);
  }
  #disconnect(): void {
    this.#cancelBoot();
    this.#client?.cut();
    const agent = this.#agent;
    this.#agent = undefined;
    // It can do no more harm, and whatever it is in the middle of fails.
    void agent?.stop();
  }
  #cancelBoot(): void {
    this.#boot?.timer.cancel();
    this.#boot?.gaveUp();
    this.#boot = undefined;
  }
  #newRuntime(rebooted: boolean): SimulatedRuntime {
    const { clock, random } = this.#options;
    const { name, podCIDR, internalIP } = this.config;
    return createSimRuntime({ clock, random, node: { name, podCIDR, internalIP }, images: this.#images, rebooted });
  }
}

import type { Clock, Logger, Random, Timer } from '#base';
import type { Client } from '#client';
import { Node, Pod, type V1Pod } from '#kinds';
import { isApiError, parseLabelSelector } from '#machinery';
import { UserError } from './errors.ts';
import type { Machines } from './machines.ts';

export const chaosActions = ['kill-node', 'kill-zone', 'network-loss', 'pods'] as const;
export type ChaosAction = (typeof chaosActions)[number];

export interface ChaosRequest {
  action: ChaosAction;
  /** A node, or a zone. Nodes: absent = one at random. */
  target?: string | undefined;
  /** Of the pods that match, 1 to 100. */
  percent?: number | undefined;
  selector?: string | undefined;
  namespace?: string | undefined;
  /** Pods are deleted through the API instead of killed on their node. */
  delete?: boolean | undefined;
  /** Again and again; what was broken before is healed first. */
  everyMs?: number | undefined;
  /** What was broken is healed after this time. Without it, never. */
  forMs?: number | undefined;
}
export interface Experiment {
  id: number;
  request: ChaosRequest;
  /** ms since the epoch */
  startedAt: number;
  endsAt?: number;
  rounds: number;
  /** Nodes that are broken now. */
  broken: string[];
}
export interface ChaosAnswer {
  experiment: number;
  /** What was hit: nodes, or namespace/name of pods. */
  hit: string[];
  /** It goes on: it has an end, or comes again. */
  running: boolean;
}

interface Deps {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  machines: Machines;
}
interface Running extends Experiment {
  timers: Timer[];
}

/** Breaks nodes and pods of this instance on purpose, once or on a schedule, and mends them. Nothing else is touched. */
export class Chaos {
  readonly #deps: Deps;
  readonly #running = new Map<number, Running>();
  #serial = 0;

  constructor(deps: Deps) {
    this.#deps = deps;
  }
  /** Rejects with UserError when there is nothing to hit. */
  async start(request: ChaosRequest): Promise<ChaosAnswer> {
    check(request);
    const { clock } = this.#deps;
    const { everyMs, forMs } = request;
    const startedAt = clock.now();
    const experiment: Running = { id: ++this.#serial, request, startedAt, rounds: 0, broken: [], timers: [] };
    if (forMs !== undefined) experiment.endsAt = startedAt + forMs;
    const hit = await this.#round(experiment);
    const goesOn = everyMs !== undefined || forMs !== undefined;
    if (goesOn) this.#running.set(experiment.id, experiment);
    if (everyMs !== undefined) this.#again(experiment, everyMs);
    if (forMs !== undefined) experiment.timers.push(clock.after(forMs, () => void this.#end(experiment)));
    return { experiment: experiment.id, hit, running: goesOn };
  }
  list(): { experiments: Experiment[]; broken: { node: string; state: string }[] } {
    const { machines } = this.#deps;
    const broken = machines.names().map((node) => ({ node, state: machines.state(node) ?? '' }));
    return {
      experiments: [...this.#running.values()].map(shown),
      broken: broken.filter(({ state }) => state === 'silent' || state === 'dead'),
    };
  }
  /** Heals a node; or ends every experiment and heals all. Gives the nodes that were healed. */
  async heal(node?: string): Promise<string[]> {
    const { machines } = this.#deps;
    if (node !== undefined && machines.state(node) === undefined) throw new UserError(`no node ${node} of this instance`);
    if (node === undefined) this.stop();
    const broken = this.list().broken.map((one) => one.node);
    const healed = node === undefined ? broken : broken.filter((name) => name === node);
    for (const experiment of this.#running.values()) experiment.broken = experiment.broken.filter((name) => !healed.includes(name));
    await this.#heal(healed);
    return healed;
  }
  /** Ends the schedules; what is broken stays so. */
  stop(): void {
    for (const experiment of this.#running.values()) this.#cancel(experiment);
  }

  #again(experiment: Running, everyMs: number): void {
    const timer = this.#deps.clock.after(everyMs, () => {
      experiment.timers = experiment.timers.filter((other) => other !== timer);
      this.#round(experiment)
        .catch((error: unknown) => this.#deps.log.warn('chaos', { experiment: experiment.id, error }))
        .finally(() => this.#running.has(experiment.id) && this.#again(experiment, everyMs));
    });
    experiment.timers.push(timer);
  }
  async #end(experiment: Running): Promise<void> {
    this.#cancel(experiment);
    const broken = experiment.broken.splice(0);
    await this.#heal(broken).catch((error: unknown) => this.#deps.log.warn('chaos cannot heal', { experiment: experiment.id, error }));
  }
  #cancel(experiment: Running): void {
    for (const timer of experiment.timers.splice(0)) timer.cancel();
    this.#running.delete(experiment.id);
  }
  async #heal(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#deps.machines.heal(name)));
    if (names.length > 0) this.#deps.log.info('chaos: healed', { nodes: names });
  }

  async #round(experiment: Running): Promise<string[]> {
    const { request } = experiment;
    experiment.rounds++;
    await this.#heal(experiment.broken.splice(0));
    const hit = request.action === 'pods' ? await this.#hitPods(request) : await this.#hitNodes(experiment);
    this.#deps.log.info(`chaos: ${request.action}`, { experiment: experiment.id, hit });
    return hit;
  }
  async #hitNodes(experiment: Running): Promise<string[]> {
    const { machines } = this.#deps;
    const names = this.#chosen(experiment.request);
    const how = experiment.request.action === 'network-loss' ? 'silence' : 'kill';
    await Promise.all(names.map((name) => machines[how](name)));
    experiment.broken.push(...names);
    return names;
  }
  #chosen({ action, target }: ChaosRequest): string[] {
    const { machines, client, random } = this.#deps;
    const alive = machines.names().filter((name) => machines.state(name) === 'running' || machines.state(name) === 'booting');
    if (action === 'kill-zone') {
      const nodes = client.informer(Node);
      const zone = alive.filter((name) => nodes.get(undefined, name)?.metadata?.labels?.['topology.kubernetes.io/zone'] === target);
      if (zone.length === 0) throw new UserError(`no node of this instance runs in zone ${target}`);
      return zone;
    }
    if (target === undefined) {
      const one = alive[Math.floor(random.next() * alive.length)];
      if (one === undefined) throw new UserError('no node of this instance runs');
      return [one];
    }
    if (machines.state(target) === undefined) throw new UserError(`no node ${target} of this instance`);
    if (!alive.includes(target)) throw new UserError(`node ${target} is ${machines.state(target)} already`);
    return [target];
  }
  async #hitPods(request: ChaosRequest): Promise<string[]> {
    const { client, machines, random } = this.#deps;
    const matches = parseLabelSelector(request.selector);
    const pods = client
      .informer(Pod)
      .list(request.namespace)
      .filter((pod) => pod.status?.phase === 'Running' && !pod.metadata?.deletionTimestamp && matches(pod.metadata?.labels))
      .filter((pod) => machines.state(pod.spec?.nodeName ?? '') === 'running');
    if (pods.length === 0) throw new UserError('no running pod matches');
    const count = Math.ceil((pods.length * (request.percent ?? 100)) / 100);
    const hit = sample(pods, count, random);
    await Promise.all(hit.map((pod) => this.#hitPod(pod, request.delete === true)));
    return hit.map((pod) => `${pod.metadata?.namespace ?? ''}/${pod.metadata?.name ?? ''}`);
  }
  async #hitPod(pod: V1Pod, remove: boolean): Promise<void> {
    const { client, machines } = this.#deps;
    const { namespace, name = '', uid = '' } = pod.metadata ?? {};
    if (!remove) return machines.killPod(pod.spec?.nodeName ?? '', uid);
    try {
      await client.api.delete(Pod, { namespace, name }, { preconditions: { uid } });
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }
}

function shown({ id, request, startedAt, endsAt, rounds, broken }: Running): Experiment {
  return { id, request, startedAt, ...(endsAt === undefined ? {} : { endsAt }), rounds, broken };
}
function check({ action, target, percent, everyMs, forMs }: ChaosRequest): void {
  if (!chaosActions.includes(action)) throw new UserError(`chaos ${action}: one of ${chaosActions.join(', ')}`);
  if (action === 'kill-zone' && target === undefined) throw new UserError('chaos kill-zone needs a zone: the label topology.kubernetes.io/zone of its nodes');
  if (percent !== undefined && !(percent > 0 && percent <= 100)) throw new UserError(`--percent ${percent}: more than 0, and 100 at most`);
  if (everyMs !== undefined && everyMs < 100) throw new UserError('--every: at least 100ms');
  if (forMs !== undefined && forMs <= 0) throw new UserError('--for: more than nothing');
}
function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(Math.floor(random.next() * left.length), 1)[0] as T);
}

import type { NodeGroup, V1Deployment, V1HorizontalPodAutoscaler } from '#kinds';

interface Step {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}
type AnyAutoscaler = { spec?: { scaleTargetRef?: { name?: string }; minReplicas?: number; maxReplicas?: number } };

/** How long the highest recommendation holds, ms: nothing goes below what it was raised to so shortly before. */
const stabilizationMs = 300_000;

/** What autoscalers must keep at every commit. They alone scale in the namespace `auto`. */
export class ScalingModel {
  readonly #now: () => number;
  readonly #wrong: (text: string) => void;
  readonly #autoscalers = new Map<string, AnyAutoscaler>();
  readonly #replicas = new Map<string, number>();
  readonly #steps = new Map<string, Step[]>();
  /** How often somebody was scaled, in both directions: a simulation in which nothing happens shows nothing. */
  readonly counts = { up: 0, down: 0, nodesUp: 0, nodesDown: 0 };

  constructor(now: () => number, wrong: (text: string) => void) {
    this.#now = now;
    this.#wrong = wrong;
  }
  commit(key: string, value: Buffer | Uint8Array | undefined): void {
    const [, , group, plural, namespace, name = ''] = key.split('/');
    if (group === 'batuta.dev' && plural === 'nodegroups' && value) return this.#group(JSON.parse(Buffer.from(value).toString()) as NodeGroup);
    if (namespace !== 'auto' || !value) return;
    if (plural === 'horizontalpodautoscalers')
      this.#autoscalers.set(name, JSON.parse(Buffer.from(value).toString()) as V1HorizontalPodAutoscaler as AnyAutoscaler);
    if (group === 'apps' && plural === 'deployments') this.#deployment(name, JSON.parse(Buffer.from(value).toString()) as V1Deployment);
  }
  #group({ metadata, spec }: NodeGroup): void {
    const { replicas = 0, min = 0, max = 0 } = spec ?? {};
    const id = `node group ${metadata?.name}`;
    if (replicas < min || replicas > max) this.#wrong(`${id} has ${replicas} replicas, not ${min} to ${max}`);
    const before = this.#replicas.get(id) ?? replicas;
    if (replicas > before) this.counts.nodesUp++;
    if (replicas < before) this.counts.nodesDown++;
    this.#replicas.set(id, replicas);
  }
  #deployment(name: string, { spec }: V1Deployment): void {
    const to = spec?.replicas ?? 1;
    const from = this.#replicas.get(name);
    this.#replicas.set(name, to);
    const { minReplicas = 1, maxReplicas = Infinity } = [...this.#autoscalers.values()].find((one) => one.spec?.scaleTargetRef?.name === name)?.spec ?? {};
    if (to < minReplicas || to > maxReplicas) this.#wrong(`deployment auto/${name} has ${to} replicas, not ${minReplicas} to ${maxReplicas}`);
    if (from === undefined || from === to) return;
    const steps = (this.#steps.get(name) ?? []).filter(({ at }) => at > this.#now() - stabilizationMs);
    if (to > from) {
      this.counts.up++;
      // Kubernetes' default: twice as many, or four more, within 15 s.
      if (to > Math.max(2 * from, from + 4)) this.#wrong(`deployment auto/${name} was scaled from ${from} to ${to} at once`);
    } else {
      this.counts.down++;
      const raised = steps.find((step) => step.to > step.from && step.to > to);
      if (raised)
        this.#wrong(`deployment auto/${name} flaps: from ${from} to ${to}, ${(this.#now() - raised.at) / 1000} s after it was raised to ${raised.to}`);
    }
    this.#steps.set(name, [...steps, { at: this.#now(), from, to }]);
  }
}

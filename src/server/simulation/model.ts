import { quantityToMilli, quantityToNumber } from '#base';
import { isReady, type V1Deployment, type V1Job, type V1Node, type V1Pod, type V1PodDisruptionBudget, type V1ReplicaSet, type V1ResourceQuota } from '#kinds';
import { labelSelectorMatcher } from '#machinery';

/** What the invariants need to know of a pod. */
export interface PodFact {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string | undefined;
  readonly cpu: number;
  readonly memory: number;
  readonly ready: boolean;
  readonly deleting: boolean;
  readonly terminal: boolean;
  /** When it ought to be gone by, ms since the epoch: what is stuck longer counts in no quota. Infinity when it is not deleted. */
  readonly goneAt: number;
  /** Reason of the condition DisruptionTarget. */
  readonly disruption: string | undefined;
  readonly owner: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}
interface Wish {
  readonly at: number;
  readonly replicas: number;
  /** Pods that were ready when it came. */
  readonly ready: number;
}
interface DeploymentFact {
  readonly name: string;
  readonly deployment: V1Deployment;
  /** What it was asked for, and when. */
  readonly wishes: Wish[];
}

/** Controllers see a change of their object a moment after it: so long an older wish may still be followed, ms. */
const graceMs = 2000;

/** The cluster as its commits tell it, and what must hold at every one of them. Violations are collected, not thrown. */
export class Model {
  readonly violations: string[] = [];
  /** Deletions that the test itself asked for, by uid of the pod. */
  readonly wanted = new Set<string>();
  commits = 0;
  /** Commits by resource. */
  readonly counts = new Map<string, number>();
  readonly pods = new Map<string, PodFact>();
  readonly nodes = new Map<string, V1Node>();
  readonly #now: () => number;
  readonly #byNode = new Map<string, Set<PodFact>>();
  readonly #byOwner = new Map<string, Set<PodFact>>();
  readonly #deployments = new Map<string, DeploymentFact>();
  readonly #replicaSets = new Map<string, V1ReplicaSet>();
  readonly #budgets = new Map<string, V1PodDisruptionBudget>();
  /** By uid. */
  readonly #jobs = new Map<string, V1Job>();
  readonly #quotas = new Map<string, V1ResourceQuota>();
  /** When a pod of the namespace last lost its readiness without anybody asking for it. */
  readonly #lost = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }
  /** One commit; no value is a deletion. */
  commit(key: string, value: Buffer | Uint8Array | undefined): void {
    this.commits++;
    const [, , group, plural, ...rest] = key.split('/');
    const id = rest.join('/');
    this.counts.set(plural ?? '', (this.counts.get(plural ?? '') ?? 0) + 1);
    const object = (): unknown => (value ? JSON.parse(Buffer.from(value).toString()) : undefined);
    if (group === 'core' && plural === 'pods') this.#pod(id, object() as V1Pod | undefined);
    else if (group === 'core' && plural === 'nodes') put(this.nodes, id, object() as V1Node | undefined);
    else if (group === 'core' && plural === 'resourcequotas') put(this.#quotas, id, object() as V1ResourceQuota | undefined);
    else if (group === 'apps' && plural === 'deployments') this.#deployment(id, object() as V1Deployment | undefined);
    else if (group === 'apps' && plural === 'replicasets') this.#replicaSet(id, object() as V1ReplicaSet | undefined);
    else if (group === 'batch' && plural === 'jobs') this.#job(object() as V1Job | undefined);
    else if (group === 'policy' && plural === 'poddisruptionbudgets') put(this.#budgets, id, object() as V1PodDisruptionBudget | undefined);
  }
  /** An invariant did not hold. */
  readonly wrong = (text: string): void => this.#wrong(text);
  #wrong(text: string): void {
    if (this.violations.length < 100) this.violations.push(`${new Date(this.#now()).toISOString()} #${this.commits}: ${text}`);
  }

  #pod(id: string, pod: V1Pod | undefined): void {
    const before = this.pods.get(id);
    const after = pod && factOf(pod);
    if (before) this.#forget(before);
    if (!after) return void this.pods.delete(id);
    this.pods.set(id, after);
    indexed(this.#byNode, after.node)?.add(after);
    indexed(this.#byOwner, after.owner)?.add(after);
    const same = before?.uid === after.uid ? before : undefined;
    if (same?.node && same.node !== after.node) this.#wrong(`pod ${id} was bound to ${same.node} and then to ${after.node ?? 'none'}`);
    if (after.node && !same?.node && !after.terminal) this.#checkNode(after.node, id);
    if (!same) {
      this.#checkQuota(after);
      this.#checkJob(after);
    }
    if (same?.ready && !after.ready && !after.deleting) this.#lost.set(after.namespace, this.#now());
    if (same && !same.deleting && after.deleting) this.#checkDeletion(same, after);
  }
  #forget(fact: PodFact): void {
    if (fact.node) this.#byNode.get(fact.node)?.delete(fact);
    if (fact.owner) this.#byOwner.get(fact.owner)?.delete(fact);
  }
  #checkNode(name: string, id: string): void {
    const allocatable = this.nodes.get(name)?.status?.allocatable;
    if (!allocatable) return;
    const used = { cpu: 0, memory: 0, pods: 0 };
    for (const pod of this.#byNode.get(name) ?? []) {
      if (pod.terminal) continue;
      used.cpu += pod.cpu;
      used.memory += pod.memory;
      used.pods++;
    }
    const room = { cpu: quantityToMilli(allocatable['cpu']), memory: quantityToNumber(allocatable['memory']), pods: quantityToNumber(allocatable['pods']) };
    for (const resource of ['cpu', 'memory', 'pods'] as const)
      if (used[resource] > room[resource]) this.#wrong(`pod ${id} brought ${name} over its ${resource}: ${used[resource]} of ${room[resource]}`);
  }
  #checkQuota(pod: PodFact): void {
    for (const quota of this.#quotas.values()) {
      if (quota.metadata?.namespace !== pod.namespace) continue;
      const { pods, 'requests.cpu': cpu } = quota.spec?.hard ?? {};
      const counted = [...this.pods.values()].filter((p) => p.namespace === pod.namespace && !p.terminal && p.goneAt > this.#now());
      const used = counted.reduce((sum, p) => sum + p.cpu, 0);
      if (pods !== undefined && counted.length > quantityToNumber(pods)) this.#wrong(`quota of ${pod.namespace}: ${counted.length} pods of ${pods}`);
      if (cpu !== undefined && used > quantityToMilli(cpu)) this.#wrong(`quota of ${pod.namespace}: ${used}m CPU of ${cpu}`);
    }
  }

  #checkJob(pod: PodFact): void {
    const job = this.#jobs.get(pod.owner ?? '');
    if (!job) return;
    const { completions = Infinity, parallelism = 1 } = job.spec ?? {};
    const active = [...(this.#byOwner.get(pod.owner ?? '') ?? [])].filter((p) => !p.terminal && !p.deleting).length;
    const most = Math.min(parallelism, completions - (job.status?.succeeded ?? 0));
    if (active > most) this.#wrong(`job ${job.metadata?.namespace}/${job.metadata?.name}: ${active} active pods, more than ${most}`);
  }
  #job(job: V1Job | undefined): void {
    const uid = job?.metadata?.uid;
    if (!job || uid === undefined) return;
    this.#jobs.set(uid, job);
    const { succeeded = 0 } = job.status ?? {};
    if (succeeded > (job.spec?.completions ?? Infinity)) this.#wrong(`job ${job.metadata?.namespace}/${job.metadata?.name} counts ${succeeded} completions`);
  }

  // ---- deployments ----

  #deployment(id: string, deployment: V1Deployment | undefined): void {
    if (!deployment) return void this.#deployments.delete(id);
    const wishes = this.#deployments.get(id)?.wishes ?? [];
    const replicas = deployment.spec?.replicas ?? 1;
    const fact = { name: id, deployment, wishes };
    this.#deployments.set(id, fact);
    if (wishes.at(-1)?.replicas !== replicas) wishes.push({ at: this.#now(), replicas, ready: this.#ready(fact) });
  }
  /** What may have been asked for, as far as a controller knows by now. */
  #wishes({ wishes }: DeploymentFact): Wish[] {
    const current = wishes.findLastIndex((wish) => wish.at <= this.#now() - graceMs);
    return wishes.slice(Math.max(0, current));
  }
  #ready(deployment: DeploymentFact): number {
    const uids = this.#setsOf(deployment).map((s) => s.metadata?.uid ?? '');
    return uids.flatMap((uid) => [...(this.#byOwner.get(uid) ?? [])]).filter((p) => p.ready && !p.deleting).length;
  }
  /** Scaled down in the middle of a rollout, every ReplicaSet gives its share, whether its pods are ready or not. */
  #leastReady(deployment: DeploymentFact): number {
    const wishes = this.#wishes(deployment);
    const sets = this.#setsOf(deployment).length;
    const least = wishes.map(({ replicas, ready }, i) => {
      const before = wishes[i - 1]?.replicas ?? replicas;
      const kept = replicas < before ? Math.floor((ready * replicas) / before) - sets : Infinity;
      return Math.min(replicas - unavailable(deployment.deployment, replicas), kept);
    });
    return Math.min(...least);
  }
  #deploymentOf(set: V1ReplicaSet | undefined): DeploymentFact | undefined {
    const owner = set?.metadata?.ownerReferences?.find((o) => o.controller && o.kind === 'Deployment');
    const found = owner && this.#deployments.get(`${set?.metadata?.namespace ?? ''}/${owner.name}`);
    return found?.deployment.metadata?.uid === owner?.uid ? found : undefined;
  }
  #replicaSet(id: string, set: V1ReplicaSet | undefined): void {
    const before = this.#replicaSets.get(id);
    put(this.#replicaSets, id, set);
    const deployment = this.#deploymentOf(set);
    if (!set || !deployment || (set.spec?.replicas ?? 0) <= (before?.spec?.replicas ?? 0)) return;
    const sum = this.#setsOf(deployment).reduce((total, s) => total + (s.spec?.replicas ?? 0), 0);
    const most = Math.max(...this.#wishes(deployment).map(({ replicas }) => replicas + surge(deployment.deployment, replicas)));
    if (sum > most) this.#wrong(`deployment ${deployment.name}: its ReplicaSets ask for ${sum} pods, more than ${most}`);
  }
  #setsOf(deployment: DeploymentFact): V1ReplicaSet[] {
    return [...this.#replicaSets.values()].filter((set) => this.#deploymentOf(set) === deployment);
  }

  // ---- pods that go ----

  #checkDeletion(before: PodFact, after: PodFact): void {
    if (after.disruption === 'EvictionByEvictionAPI') this.#checkBudgets(before);
    else if (before.ready && !after.disruption && !this.wanted.has(after.uid)) this.#checkAvailability(before);
  }
  #checkBudgets(pod: PodFact): void {
    for (const budget of this.#budgets.values()) {
      const matches = labelSelectorMatcher(budget.spec?.selector);
      if (budget.metadata?.namespace !== pod.namespace || !matches(pod.labels)) continue;
      const least = leastHealthy(budget);
      const pods = [...this.pods.values()].filter((p) => p.namespace === pod.namespace && !p.deleting && matches(p.labels));
      const healthy = pods.filter((p) => p.ready).length;
      if (pod.ready && healthy < least && !this.#justLost(pod.namespace))
        this.#wrong(`budget ${pod.namespace}/${budget.metadata?.name ?? ''}: ${healthy} healthy pods after the eviction of ${pod.name}, wanted ${least}`);
    }
  }
  #checkAvailability(pod: PodFact): void {
    const set = [...this.#replicaSets.values()].find((s) => s.metadata?.uid === pod.owner);
    const deployment = this.#deploymentOf(set);
    if (!deployment || deployment.deployment.metadata?.deletionTimestamp || deployment.deployment.spec?.strategy?.type === 'Recreate') return;
    const ready = this.#ready(deployment);
    const least = this.#leastReady(deployment);
    if (ready < least && !this.#justLost(pod.namespace))
      this.#wrong(`deployment ${deployment.name}: ${ready} ready pods after ${pod.name} was deleted, wanted ${least}`);
  }
  #justLost(namespace: string): boolean {
    return this.#now() - (this.#lost.get(namespace) ?? -Infinity) < graceMs;
  }
}

function put<T>(map: Map<string, T>, id: string, object: T | undefined): void {
  if (object === undefined) map.delete(id);
  else map.set(id, object);
}
function indexed(index: Map<string, Set<PodFact>>, key: string | undefined): Set<PodFact> | undefined {
  if (key === undefined) return undefined;
  let set = index.get(key);
  if (!set) index.set(key, (set = new Set()));
  return set;
}

function factOf(pod: V1Pod): PodFact {
  const { metadata = {}, spec, status } = pod;
  const containers = spec?.containers ?? [];
  return {
    uid: metadata.uid ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    node: spec?.nodeName,
    cpu: containers.reduce((sum, c) => sum + quantityToMilli(c.resources?.requests?.['cpu']), 0),
    memory: containers.reduce((sum, c) => sum + quantityToNumber(c.resources?.requests?.['memory']), 0),
    ready: isReady(pod),
    deleting: metadata.deletionTimestamp !== undefined,
    goneAt: metadata.deletionTimestamp ? Date.parse(metadata.deletionTimestamp) + (metadata.deletionGracePeriodSeconds ?? 0) * 1000 : Infinity,
    terminal: status?.phase === 'Succeeded' || status?.phase === 'Failed',
    disruption: status?.conditions?.find((c) => c.type === 'DisruptionTarget' && c.status === 'True')?.reason,
    owner: metadata.ownerReferences?.find((o) => o.controller)?.uid,
    labels: metadata.labels ?? {},
  };
}

/** A number, or a share of `total`. */
function share(value: number | string | undefined, total: number, round: (n: number) => number): number {
  if (typeof value === 'string') return round((Number.parseFloat(value) / 100) * total);
  return value ?? 0;
}
const surge = ({ spec }: V1Deployment, replicas: number): number => share(spec?.strategy?.rollingUpdate?.maxSurge, replicas, Math.ceil);
/** As the deployment controller has it: with neither surge nor unavailable, one may be missing. */
function unavailable(deployment: V1Deployment, replicas: number): number {
  const some = share(deployment.spec?.strategy?.rollingUpdate?.maxUnavailable, replicas, Math.floor);
  return some === 0 && surge(deployment, replicas) === 0 ? 1 : some;
}
/** By what the budget says itself: expectedPods is the disruption controller's count, desiredHealthy what it makes of it. */
function leastHealthy({ spec, status }: V1PodDisruptionBudget): number {
  const expected = status?.expectedPods ?? 0;
  if (spec?.minAvailable !== undefined) return share(spec.minAvailable as number | string, expected, Math.ceil);
  return expected - share(spec?.maxUnavailable as number | string | undefined, expected, Math.ceil);
}

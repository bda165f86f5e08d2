import { quantityToMilli, quantityToNumber } from '#base';
import type { V1Deployment, V1Job, V1Node, V1Pod, V1PodDisruptionBudget, V1ReplicaSet, V1ResourceQuota } from '#kinds';
import { sharedSelectorMatcher, type KubeObject } from '#machinery';
import { factOf, leastHealthy, surge, unavailable, type PodFact } from './facts.ts';
import { Lazy, Orphans, Tallies } from './following.ts';

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

const root = '/registry/';
/** Controllers see a change of their object a moment after it: so long an older wish may still be followed, ms. */
const graceMs = 2000;

/** The cluster as its commits tell it, and what must hold at every one of them: kept up commit by commit, nothing is scanned. Violations are collected, not thrown. */
export class Model {
  readonly violations: string[] = [];
  /** Deletions that the test itself asked for, by uid of the pod. */
  readonly wanted = new Set<string>();
  commits = 0;
  /** Commits by group and resource. */
  readonly counts = new Map<string, number>();
  /** Told of every pod that gets a node. */
  bound: ((pod: PodFact) => void) | undefined;
  readonly pods = new Map<string, PodFact>();
  readonly #nodes = new Map<string, Lazy<V1Node>>();
  readonly #now: () => number;
  readonly #byNode = new Map<string, Set<PodFact>>();
  readonly #byOwner = new Map<string, Set<PodFact>>();
  readonly #tallies = new Tallies();
  readonly #orphans: Orphans;
  readonly #deployments = new Map<string, DeploymentFact>();
  readonly #replicaSets = new Map<string, V1ReplicaSet>();
  readonly #setsByUid = new Map<string, V1ReplicaSet>();
  /** By uid of the Deployment. */
  readonly #setsByOwner = new Map<string, Set<V1ReplicaSet>>();
  /** By namespace and name. */
  readonly #budgets = new Map<string, Map<string, V1PodDisruptionBudget>>();
  readonly #quotas = new Map<string, Map<string, V1ResourceQuota>>();
  /** By uid. */
  readonly #jobs = new Map<string, V1Job>();
  /** Uid of the newest job, by uid of its CronJob. */
  readonly #lastJobs = new Map<string, string>();
  /** When a pod of the namespace last lost its readiness without anybody asking for it. */
  readonly #lost = new Map<string, number>();
  /** When a ready pod of a namespace was deleted by another way than eviction. */
  readonly #taken = new Map<string, number>();
  /** What is followed, by prefix of its keys: everything else is counted and not read. */
  readonly #followers: { readonly [prefix: string]: (id: string, value: Lazy<KubeObject> | undefined) => void } = {
    'core/pods': (id, value) => this.#pod(id, value?.object as V1Pod | undefined),
    'core/nodes': (id, value) => put(this.#nodes, id, value as Lazy<V1Node> | undefined),
    'core/resourcequotas': (id, value) => putIn(this.#quotas, id, value?.object as V1ResourceQuota | undefined),
    'apps/deployments': (id, value) => this.#deployment(id, value?.object as V1Deployment | undefined),
    'apps/replicasets': (id, value) => this.#replicaSet(id, value?.object as V1ReplicaSet | undefined),
    'apps/statefulsets': (id, value) => this.#orphans.owner(`StatefulSet ${id}`, value?.object),
    'apps/daemonsets': (id, value) => this.#orphans.owner(`DaemonSet ${id}`, value?.object),
    'batch/jobs': (id, value) => this.#job(id, value?.object as V1Job | undefined),
    'policy/poddisruptionbudgets': (id, value) => putIn(this.#budgets, id, value?.object as V1PodDisruptionBudget | undefined),
  };

  constructor(now: () => number) {
    this.#now = now;
    this.#orphans = new Orphans(now, this.wrong);
  }
  /** One commit; no value is a deletion. */
  commit(key: string, value: Buffer | Uint8Array | undefined): void {
    this.commits++;
    const end = key.indexOf('/', key.indexOf('/', root.length) + 1);
    const resource = key.slice(root.length, end);
    this.counts.set(resource, (this.counts.get(resource) ?? 0) + 1);
    this.#followers[resource]?.(key.slice(end + 1), value && new Lazy(value));
    this.#orphans.look();
  }
  /** An invariant did not hold. */
  readonly wrong = (text: string): void => this.#wrong(text);
  #wrong(text: string): void {
    if (this.violations.length < 100) this.violations.push(`${new Date(this.#now()).toISOString()} #${this.commits}: ${text}`);
  }

  #pod(id: string, pod: V1Pod | undefined): void {
    const before = this.pods.get(id);
    const after = pod && factOf(pod);
    if (before) this.#forget(id, before);
    if (!after) return void this.pods.delete(id);
    this.pods.set(id, after);
    indexed(this.#byNode, after.node)?.add(after);
    indexed(this.#byOwner, after.owner)?.add(after);
    this.#tallies.add(after);
    this.#orphans.put(`pod ${id}`, after.owner, after.deleting);
    const same = before?.uid === after.uid ? before : undefined;
    if (same?.node && same.node !== after.node) this.#wrong(`pod ${id} was bound to ${same.node} and then to ${after.node ?? 'none'}`);
    if (after.node && !same?.node && !after.terminal) {
      this.#checkNode(after.node, id);
      this.bound?.(after);
    }
    if (!same) {
      this.#checkQuota(after);
      this.#checkJob(after);
    }
    if (same?.ready && !after.ready && !after.deleting) this.#lost.set(after.namespace, this.#now());
    if (same && !same.deleting && after.deleting) this.#checkDeletion(same, after);
  }
  #forget(id: string, fact: PodFact): void {
    this.#tallies.remove(fact);
    this.#orphans.drop(`pod ${id}`, fact.owner);
    unindexed(this.#byNode, fact.node, fact);
    unindexed(this.#byOwner, fact.owner, fact);
  }
  #checkNode(name: string, id: string): void {
    const allocatable = this.#nodes.get(name)?.object.status?.allocatable;
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
    for (const quota of this.#quotas.get(pod.namespace)?.values() ?? []) {
      const { pods, 'requests.cpu': most } = quota.spec?.hard ?? {};
      const { count, cpu } = this.#tallies.of(pod.namespace, this.#now());
      if (pods !== undefined && count > quantityToNumber(pods)) this.#wrong(`quota of ${pod.namespace}: ${count} pods of ${pods}`);
      if (most !== undefined && cpu > quantityToMilli(most)) this.#wrong(`quota of ${pod.namespace}: ${cpu}m CPU of ${most}`);
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
  #job(id: string, job: V1Job | undefined): void {
    this.#orphans.owner(`Job ${id}`, job);
    const uid = job?.metadata?.uid;
    if (!job || uid === undefined) return;
    if (!this.#jobs.has(uid)) this.#checkCronJob(id, job);
    this.#jobs.set(uid, job);
    const { succeeded = 0 } = job.status ?? {};
    if (succeeded > (job.spec?.completions ?? Infinity)) this.#wrong(`job ${job.metadata?.namespace}/${job.metadata?.name} counts ${succeeded} completions`);
  }

  /** Those that forbid it have one job at a time. */
  #checkCronJob(id: string, job: V1Job): void {
    const owner = controllerUid(job);
    if (owner === undefined) return;
    const last = this.#lastJobs.get(owner);
    this.#lastJobs.set(owner, job.metadata?.uid ?? '');
    const before = last === undefined ? undefined : this.#jobs.get(last);
    if (before && !before.status?.conditions?.some((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True'))
      this.#wrong(`job ${id} began while ${before.metadata?.name} of the same CronJob went on`);
  }

  // ---- deployments ----

  #deployment(id: string, deployment: V1Deployment | undefined): void {
    this.#orphans.owner(`Deployment ${id}`, deployment);
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
    if (before) this.#dropSet(id, before);
    if (set) this.#addSet(id, set);
    this.#orphans.owner(`ReplicaSet ${id}`, set);
    const deployment = this.#deploymentOf(set);
    if (!set || !deployment || (set.spec?.replicas ?? 0) <= (before?.spec?.replicas ?? 0)) return;
    const sum = this.#setsOf(deployment).reduce((total, s) => total + (s.spec?.replicas ?? 0), 0);
    const most = Math.max(...this.#wishes(deployment).map(({ replicas }) => replicas + surge(deployment.deployment, replicas)));
    if (sum > most) this.#wrong(`deployment ${deployment.name}: its ReplicaSets ask for ${sum} pods, more than ${most}`);
  }
  #addSet(id: string, set: V1ReplicaSet): void {
    const owner = controllerUid(set);
    this.#replicaSets.set(id, set);
    this.#setsByUid.set(set.metadata?.uid ?? '', set);
    indexed(this.#setsByOwner, owner)?.add(set);
    this.#orphans.put(`ReplicaSet ${id}`, owner, set.metadata?.deletionTimestamp !== undefined);
  }
  #dropSet(id: string, set: V1ReplicaSet): void {
    const owner = controllerUid(set);
    this.#replicaSets.delete(id);
    this.#setsByUid.delete(set.metadata?.uid ?? '');
    unindexed(this.#setsByOwner, owner, set);
    this.#orphans.drop(`ReplicaSet ${id}`, owner);
  }
  #setsOf({ deployment }: DeploymentFact): V1ReplicaSet[] {
    return [...(this.#setsByOwner.get(deployment.metadata?.uid ?? '') ?? [])];
  }

  // ---- pods that go ----

  #checkDeletion(before: PodFact, after: PodFact): void {
    if (after.disruption === 'EvictionByEvictionAPI') return this.#checkBudgets(before);
    if (before.ready) this.#taken.set(before.namespace, this.#now());
    if (before.ready && !after.disruption && !this.wanted.has(after.uid)) this.#checkAvailability(before);
  }
  #checkBudgets(pod: PodFact): void {
    for (const budget of this.#budgets.get(pod.namespace)?.values() ?? []) {
      const matches = sharedSelectorMatcher(budget.spec?.selector);
      if (!matches(pod.labels)) continue;
      const least = leastHealthy(budget);
      let healthy = 0;
      for (const p of this.#tallies.pods(pod.namespace)) if (p.ready && !p.deleting && matches(p.labels)) healthy++;
      // Evictions go by what the disruption controller last counted: what a rollout took since then it may not know yet, in Kubernetes too.
      if (pod.ready && healthy < least && !this.#justLost(pod.namespace) && !this.#within(this.#taken, pod.namespace))
        this.#wrong(`budget ${pod.namespace}/${budget.metadata?.name ?? ''}: ${healthy} healthy pods after the eviction of ${pod.name}, wanted ${least}`);
    }
  }
  #checkAvailability(pod: PodFact): void {
    const deployment = this.#deploymentOf(this.#setsByUid.get(pod.owner ?? ''));
    if (!deployment || deployment.deployment.metadata?.deletionTimestamp || deployment.deployment.spec?.strategy?.type === 'Recreate') return;
    const ready = this.#ready(deployment);
    const least = this.#leastReady(deployment);
    if (ready < least && !this.#justLost(pod.namespace))
      this.#wrong(`deployment ${deployment.name}: ${ready} ready pods after ${pod.name} was deleted, wanted ${least}`);
  }
  #justLost(namespace: string): boolean {
    return this.#within(this.#lost, namespace);
  }
  #within(times: ReadonlyMap<string, number>, namespace: string): boolean {
    return this.#now() - (times.get(namespace) ?? -Infinity) < graceMs;
  }
}

function put<T>(map: Map<string, T>, id: string, object: T | undefined): void {
  if (object === undefined) map.delete(id);
  else map.set(id, object);
}
function putIn<T>(map: Map<string, Map<string, T>>, id: string, object: T | undefined): void {
  const [namespace = '', name = ''] = id.split('/');
  let inner = map.get(namespace);
  if (!inner) map.set(namespace, (inner = new Map()));
  put(inner, name, object);
}
function indexed<T>(index: Map<string, Set<T>>, key: string | undefined): Set<T> | undefined {
  if (key === undefined) return undefined;
  let set = index.get(key);
  if (!set) index.set(key, (set = new Set()));
  return set;
}
function unindexed<T>(index: Map<string, Set<T>>, key: string | undefined, item: T): void {
  const set = key === undefined ? undefined : index.get(key);
  if (set?.delete(item) && set.size === 0) index.delete(key as string);
}
const controllerUid = (object: KubeObject): string | undefined => object.metadata?.ownerReferences?.find((o) => o.controller)?.uid;

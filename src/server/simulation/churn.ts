import type { Random } from '#base';
import { CronJob, DaemonSet, Deployment, Namespace, Node, Pod, PodDisruptionBudget, ResourceQuota, Service, StatefulSet } from '#kinds';
import { isApiError, type Kind, type KubeObject } from '#machinery';
import { evictPods } from '#node';
import { setUpAutoscaling } from './autoscaled.ts';
import type { SimulatedCluster } from './cluster.ts';
import { workloadActions } from './more-actions.ts';
import { budget, cronJob, daemonSet, deployment, quota, service, statefulSet } from './workloads.ts';

/** What a simulation does to its cluster, with how often each happens beside the others. */
export interface ChurnOptions {
  /** Mean time between two actions, ms. */
  everyMs: number;
  /** Namespaces that there are; each has a quota of so many pods. */
  namespaces: number;
  quotaPods: number;
  /** Deployments at the start, in all namespaces together, and the most replicas of one. */
  deployments: number;
  mostReplicas: number;
  /** StatefulSets at the start, and whether there is a DaemonSet. Default: none. */
  statefulSets?: number;
  daemonSet?: boolean;
  /** CronJobs, each with a job a minute. Default: none. */
  cronJobs?: number;
  /** Deployments with autoscalers, on nodes that come and go with them; the cluster needs `autoscaling`. Default: none. */
  autoscaled?: number;
  actions?: readonly Action[];
}
/** One sort of event: what happens, and its weight among the others. */
export interface Action {
  readonly name: string;
  readonly weight: number;
  act(churn: Churn): Promise<void> | void;
}

/** Drives a cluster at random; everything it draws comes from the cluster's seed. */
export class Churn {
  readonly cluster: SimulatedCluster;
  readonly options: ChurnOptions;
  readonly random: Random;
  /** What was done, for a failing seed's story. */
  readonly story: string[] = [];
  #serial = 0;
  #ended = false;
  readonly #actions: readonly Action[];
  readonly #weight: number;

  constructor(cluster: SimulatedCluster, options: ChurnOptions) {
    this.cluster = cluster;
    this.options = options;
    this.random = cluster.random;
    this.#actions = options.actions ?? [...standardActions, ...workloadActions];
    this.#weight = this.#actions.reduce((sum, action) => sum + action.weight, 0);
  }
  /** Namespaces with quotas, and the first workloads. */
  async setUp(): Promise<void> {
    const { namespaces, deployments, quotaPods } = this.options;
    for (let i = 0; i < namespaces; i++) {
      await this.cluster.api.create(Namespace, { metadata: { name: `space-${i}` } });
      await this.cluster.api.create(ResourceQuota, quota(`space-${i}`, quotaPods));
    }
    // ServiceAccounts come first.
    await this.cluster.run(1000);
    for (let i = 0; i < deployments; i++) await this.newDeployment();
    for (let i = 0; i < (this.options.statefulSets ?? 0); i++) {
      const replicas = 1 + this.below(this.options.mostReplicas);
      await this.cluster.api.create(StatefulSet, statefulSet(this.space(), this.nextName('sts'), replicas, this.#delays()));
    }
    for (let i = 0; i < (this.options.cronJobs ?? 0); i++) await this.cluster.api.create(CronJob, cronJob(this.space(), this.nextName('cron')));
    if (this.options.autoscaled) await setUpAutoscaling(this.cluster, this.options.autoscaled);
    if (!this.options.daemonSet) return;
    // In a namespace without a quota: it has a pod for every node.
    await this.cluster.api.create(Namespace, { metadata: { name: 'agents' } });
    await this.cluster.run(1000);
    await this.cluster.api.create(DaemonSet, daemonSet('agents', 'agent', { cpu: '50m' }));
  }
  /** Starts the churn; it goes on as time passes until `end`. */
  begin(): void {
    this.#next();
  }
  async end(): Promise<void> {
    this.#ended = true;
    for (const { metadata = {} } of this.all(CronJob))
      await this.cluster.api.patch(CronJob, { namespace: metadata.namespace, name: metadata.name ?? '' }, 'application/merge-patch+json', {
        spec: { suspend: true },
      });
  }
  #next(): void {
    this.cluster.clock.after(Math.floor(2 * this.options.everyMs * this.random.next()), () => {
      if (this.#ended) return;
      void this.#once().then(() => this.#next());
    });
  }
  async #once(): Promise<void> {
    let at = this.random.next() * this.#weight;
    const action = this.#actions.find((one) => (at -= one.weight) < 0) ?? (this.#actions[0] as Action);
    try {
      await action.act(this);
    } catch (error) {
      // A refusal is an answer too: quota, budgets, somebody else was faster.
      if (!isApiError(error)) throw error;
      this.tell(`${action.name}: ${error.message}`);
    }
  }
  tell(what: string): void {
    this.story.push(`${new Date(this.cluster.clock.now()).toISOString()} ${what}`);
  }
  below(n: number): number {
    return Math.floor(this.random.next() * n);
  }
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
  later(ms: number, work: () => Promise<void> | void): void {
    this.cluster.clock.after(ms, () => void Promise.resolve(work()).catch((error: unknown) => this.tell(`failed: ${String(error)}`)));
  }
  nextName(prefix: string): string {
    return `${prefix}-${this.#serial++}`;
  }
  space(): string {
    return `space-${this.below(this.options.namespaces)}`;
  }
  /** Whether a pod of this name is one that must be there once at most: that of a StatefulSet. */
  readonly isIdentity = (_namespace: string, name: string): boolean => /^sts-\d+-\d+$/.test(name);
  /** Objects of a kind in the simulated namespaces, in a fixed order. */
  all<T extends KubeObject>(kind: Kind<T>): T[] {
    return this.cluster.client
      .informer(kind)
      .list()
      .filter((object) => object.metadata?.namespace?.startsWith('space-'));
  }
  #delays(): { annotations: Record<string, string> } {
    return { annotations: { 'batuta.dev/sim-start-delay': `${this.below(20)}s`, 'batuta.dev/sim-stop-delay': `${this.below(10)}s` } };
  }
  async newDeployment(): Promise<void> {
    const { api } = this.cluster;
    const [namespace, name] = [this.space(), this.nextName('web')];
    const replicas = 1 + this.below(this.options.mostReplicas);
    const maxUnavailable = this.pick([0, 1, '25%', '50%']) ?? 0;
    const maxSurge = maxUnavailable === 0 ? (this.pick([1, '25%', '100%']) ?? 1) : (this.pick([0, 1, '25%']) ?? 0);
    this.tell(`create ${namespace}/${name} with ${replicas} replicas, surge ${maxSurge}, unavailable ${maxUnavailable}`);
    await api.create(Deployment, deployment(namespace, name, replicas, this.#delays(), { maxSurge, maxUnavailable }));
    if (this.random.next() < 0.7) await api.create(PodDisruptionBudget, budget(namespace, name, this.pick([1, '30%']) ?? 1));
    if (this.random.next() < 0.5) await api.create(Service, service(namespace, name));
  }
}

const running = (churn: Churn): string[] => churn.cluster.fleet.names().filter((name) => churn.cluster.fleet.state(name) === 'running');
const minutes = (churn: Churn, most: number): number => (1 + churn.below(most)) * 60_000;

function lose(churn: Churn, name: string, how: 'kill' | 'silence'): void {
  churn.cluster.fleet[how](name);
  churn.later(minutes(churn, 12), () => {
    churn.tell(`heal ${name}`);
    churn.cluster.fleet.heal(name);
  });
}
async function change<T extends KubeObject>(churn: Churn, kind: Kind<T>, object: T, patch: { [field: string]: unknown }, what: string): Promise<void> {
  const { namespace, name = '' } = object.metadata ?? {};
  churn.tell(`${what} ${kind.kind} ${namespace}/${name} ${JSON.stringify(patch)}`);
  await churn.cluster.api.patch(kind, { namespace, name }, 'application/merge-patch+json', patch as never);
}
const image = (tag: number): { spec: unknown } => ({ spec: { template: { metadata: { annotations: { revision: String(tag) } } } } });

/** Cordons a node and evicts its pods, again and again as `kubectl drain` does, for ten minutes at most. */
async function drain(churn: Churn, node: string): Promise<void> {
  const { api, clock, client } = churn.cluster;
  const until = clock.now() + 600_000;
  const round = async (): Promise<void> => {
    if ((await evictPods(client, node)) > 0 && clock.now() < until) return churn.later(5000, round);
    churn.tell(`uncordon ${node}`);
    await api.patch(Node, { name: node }, 'application/merge-patch+json', { spec: { unschedulable: null } });
  };
  await round();
}

export const standardActions: readonly Action[] = [
  {
    name: 'scale',
    weight: 20,
    async act(churn) {
      const found = churn.pick(churn.all(Deployment));
      if (found) await change(churn, Deployment, found, { spec: { replicas: churn.below(churn.options.mostReplicas + 1) } }, 'scale');
    },
  },
  {
    name: 'roll',
    weight: 20,
    async act(churn) {
      const found = churn.pick(churn.all(Deployment));
      if (found) await change(churn, Deployment, found, image(churn.below(1000)), 'roll');
    },
  },
  { name: 'create', weight: 3, act: (churn) => churn.newDeployment() },
  {
    name: 'delete',
    weight: 3,
    async act(churn) {
      const found = churn.pick(churn.all(Deployment));
      if (!found) return;
      const key = { namespace: found.metadata?.namespace, name: found.metadata?.name ?? '' };
      churn.tell(`delete ${key.namespace}/${key.name}`);
      await churn.cluster.api.delete(Deployment, key);
    },
  },
  {
    name: 'delete pod',
    weight: 10,
    async act(churn) {
      const found = churn.pick(churn.all(Pod));
      if (!found) return;
      churn.cluster.model.wanted.add(found.metadata?.uid ?? '');
      churn.tell(`delete pod ${found.metadata?.namespace}/${found.metadata?.name}`);
      await churn.cluster.api.delete(Pod, { namespace: found.metadata?.namespace, name: found.metadata?.name ?? '' });
    },
  },
  {
    name: 'crash',
    weight: 10,
    act(churn) {
      const found = churn.pick(churn.all(Pod).filter((pod) => pod.spec?.nodeName));
      if (!found) return;
      churn.tell(`crash ${found.metadata?.namespace}/${found.metadata?.name}`);
      churn.cluster.fleet.runtime(found.spec?.nodeName ?? '')?.crash(found.metadata?.uid ?? '');
    },
  },
  {
    name: 'kill node',
    weight: 4,
    act(churn) {
      const name = churn.pick(running(churn));
      if (!name) return;
      churn.tell(`kill ${name}`);
      lose(churn, name, 'kill');
    },
  },
  {
    name: 'silence node',
    weight: 4,
    act(churn) {
      const name = churn.pick(running(churn));
      if (!name) return;
      churn.tell(`silence ${name}`);
      lose(churn, name, 'silence');
    },
  },
  {
    name: 'lose zone',
    weight: 0.3,
    act(churn) {
      const zone = churn.pick(churn.cluster.zones);
      const nodes = churn.cluster.client
        .informer(Node)
        .list()
        .filter((node) => node.metadata?.labels?.['topology.kubernetes.io/zone'] === zone);
      churn.tell(`lose ${zone}`);
      for (const node of nodes) if (churn.cluster.fleet.state(node.metadata?.name ?? '') === 'running') lose(churn, node.metadata?.name ?? '', 'kill');
    },
  },
  {
    name: 'drain',
    weight: 6,
    async act(churn) {
      const name = churn.pick(running(churn));
      if (!name) return;
      churn.tell(`drain ${name}`);
      await drain(churn, name);
    },
  },
];

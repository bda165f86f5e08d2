import { Deployment, EndpointSlice, isReady, Node, Pod, PodDisruptionBudget, ReplicaSet, Service, type V1Pod } from '#kinds';
import { labelSelectorMatcher } from '#machinery';
import type { SimulatedCluster } from './cluster.ts';
import { checkDaemonSets, checkJobs, checkStatefulSets } from './rest-workloads.ts';

const idOf = (object: { metadata?: { namespace?: string; name?: string } }): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;

/** What is wrong with a cluster that had time to settle: pods that are stuck, orphans, statuses that are not the truth. */
export async function unsettled(cluster: SimulatedCluster): Promise<string[]> {
  const { items: pods } = await cluster.api.list(Pod);
  const checks = [checkNodes, checkPods, checkDeployments, checkBudgets, checkEndpoints, checkRuntimes, checkStatefulSets, checkDaemonSets, checkJobs];
  return (await Promise.all(checks.map((check) => check(cluster, pods)))).flat();
}
type Check = (cluster: SimulatedCluster, pods: readonly V1Pod[]) => Promise<string[]>;

const checkNodes: Check = async ({ api, fleet }) => {
  const { items } = await api.list(Node);
  return items.flatMap((node) => {
    const name = node.metadata?.name ?? '';
    const status = node.status?.conditions?.find((c) => c.type === 'Ready')?.status;
    const problems = status === 'True' && fleet.state(name) === 'running' ? [] : [`node ${name} is ${fleet.state(name)} and Ready ${status}`];
    return node.spec?.taints?.length ? [...problems, `node ${name} has taints ${JSON.stringify(node.spec.taints)}`] : problems;
  });
};
const checkPods: Check = async ({ api }, pods) => {
  const owners = new Set([...(await api.list(ReplicaSet)).items, ...(await api.list(Deployment)).items].map((o) => o.metadata?.uid));
  const problems: string[] = [];
  for (const pod of pods) {
    if (pod.metadata?.deletionTimestamp) problems.push(`pod ${idOf(pod)} is stuck in its deletion since ${pod.metadata.deletionTimestamp}`);
    else if (pod.status?.phase === 'Pending') problems.push(`pod ${idOf(pod)} is pending: ${JSON.stringify(pod.status.conditions)}`);
    else if (pod.status?.phase === 'Running' && !isReady(pod)) problems.push(`pod ${idOf(pod)} is not ready: ${JSON.stringify(pod.status.containerStatuses)}`);
    const owner = pod.metadata?.ownerReferences?.find((o) => o.controller);
    if (owner?.kind === 'ReplicaSet' && !owners.has(owner.uid)) problems.push(`pod ${idOf(pod)} is an orphan of ${owner.name}`);
  }
  for (const set of (await api.list(ReplicaSet)).items) {
    const owner = set.metadata?.ownerReferences?.find((o) => o.controller);
    if (owner && !owners.has(owner.uid)) problems.push(`ReplicaSet ${idOf(set)} is an orphan of ${owner.name}`);
  }
  return problems;
};
const checkDeployments: Check = async ({ api }, pods) => {
  const sets = (await api.list(ReplicaSet)).items;
  return (await api.list(Deployment)).items.flatMap((deployment) => {
    const { spec, status, metadata } = deployment;
    const uids = new Set(sets.filter((s) => s.metadata?.ownerReferences?.some((o) => o.uid === metadata?.uid)).map((s) => s.metadata?.uid));
    const own = pods.filter((p) => p.metadata?.ownerReferences?.some((o) => uids.has(o.uid)) && p.status?.phase === 'Running');
    const wanted = spec?.replicas ?? 1;
    const told = [status?.replicas ?? 0, status?.updatedReplicas ?? 0, status?.readyReplicas ?? 0, status?.availableReplicas ?? 0];
    const truth = [own.length, own.length, own.filter(isReady).length, own.filter(isReady).length];
    if (told.join() !== truth.join()) return [`deployment ${idOf(deployment)} tells of ${told.join('/')} pods, and there are ${truth.join('/')}`];
    if (own.length !== wanted) return [`deployment ${idOf(deployment)} has ${own.length} of ${wanted} pods`];
    return status?.observedGeneration === metadata?.generation ? [] : [`deployment ${idOf(deployment)} was not looked at`];
  });
};
const checkBudgets: Check = async ({ api }, pods) =>
  (await api.list(PodDisruptionBudget)).items.flatMap((budget) => {
    const healthy = pods.filter(
      (p) => p.metadata?.namespace === budget.metadata?.namespace && labelSelectorMatcher(budget.spec?.selector)(p.metadata?.labels) && isReady(p),
    );
    const told = budget.status?.currentHealthy ?? 0;
    return told === healthy.length ? [] : [`budget ${idOf(budget)} tells of ${told} healthy pods, and there are ${healthy.length}`];
  });
const checkEndpoints: Check = async ({ api }, pods) => {
  const slices = (await api.list(EndpointSlice)).items;
  return (await api.list(Service)).items.flatMap((service) => {
    if (!service.spec?.selector) return [];
    const own = slices.filter(
      (s) => s.metadata?.namespace === service.metadata?.namespace && s.metadata?.labels?.['kubernetes.io/service-name'] === service.metadata?.name,
    );
    const told = own
      .flatMap((s) => s.endpoints ?? [])
      .filter((e) => e.conditions?.ready)
      .flatMap((e) => e.addresses);
    const selected = pods.filter(
      (p) =>
        p.metadata?.namespace === service.metadata?.namespace &&
        labelSelectorMatcher({ matchLabels: service.spec?.selector ?? {} })(p.metadata?.labels) &&
        isReady(p),
    );
    const truth = selected.map((p) => p.status?.podIP ?? '');
    return told.toSorted().join() === truth.toSorted().join()
      ? []
      : [`service ${idOf(service)} has endpoints ${told.toSorted().join()}, and there are ${truth.toSorted().join()}`];
  });
};
/** The machines run what the API says, and nothing else. */
const checkRuntimes: Check = async ({ fleet }, pods) => {
  const known = new Map(pods.map((pod) => [pod.metadata?.uid, pod]));
  const problems: string[] = [];
  for (const name of fleet.names()) {
    for (const sandbox of (await fleet.runtime(name)?.list()) ?? []) {
      const pod = known.get(sandbox.podUid);
      if (!pod) problems.push(`${name} has a sandbox of ${sandbox.namespace}/${sandbox.name}, which is gone`);
      else if (pod.spec?.nodeName !== name) problems.push(`${name} runs ${idOf(pod)} of ${pod.spec?.nodeName}`);
    }
  }
  return problems;
};

/** Identities that run more than once among all machines that are on, those whose network is lost included. */
export async function doubles({ fleet }: SimulatedCluster, isIdentity: (namespace: string, name: string) => boolean): Promise<string[]> {
  const where = new Map<string, string>();
  const problems: string[] = [];
  for (const node of fleet.names()) {
    for (const sandbox of (await fleet.runtime(node)?.list()) ?? []) {
      if (!sandbox.ready || !isIdentity(sandbox.namespace, sandbox.name)) continue;
      const id = `${sandbox.namespace}/${sandbox.name}`;
      const other = where.get(id);
      if (other) problems.push(`${id} runs on ${other} and on ${node}`);
      where.set(id, node);
    }
  }
  return problems;
}

/** From now on every identity that is bound to another node must have ended where it was before, also where nobody hears of it. */
export function followIdentities({ fleet, model }: SimulatedCluster, isIdentity: (namespace: string, name: string) => boolean): void {
  const where = new Map<string, string>();
  model.bound = ({ namespace, name, node = '' }) => {
    if (!isIdentity(namespace, name)) return;
    const id = `${namespace}/${name}`;
    const before = where.get(id) ?? node;
    where.set(id, node);
    if (before === node) return;
    void fleet
      .runtime(before)
      ?.list()
      .then((sandboxes) => {
        if (sandboxes.some((one) => one.ready && one.namespace === namespace && one.name === name))
          model.wrong(`${id} was bound to ${node} while it ran on ${before}`);
      });
  };
}

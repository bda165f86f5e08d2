import { DaemonSet, isReady, Job, Node, StatefulSet, type V1Pod } from '#kinds';
import type { KubeObject } from '#machinery';
import type { SimulatedCluster } from './cluster.ts';

type Check = (cluster: SimulatedCluster, pods: readonly V1Pod[]) => Promise<string[]>;
const idOf = (object: KubeObject): string => `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}`;
const ownedBy = (pods: readonly V1Pod[], owner: KubeObject): V1Pod[] =>
  pods.filter((pod) => pod.metadata?.ownerReferences?.some((o) => o.uid === owner.metadata?.uid));

/** Every number has its pod, and they are all of the newest revision. */
export const checkStatefulSets: Check = async ({ api }, pods) =>
  (await api.list(StatefulSet)).items.flatMap((set) => {
    const wanted = Array.from({ length: set.spec?.replicas ?? 1 }, (_, i) => `${set.metadata?.name ?? ''}-${i}`);
    const names = ownedBy(pods, set).map((pod) => pod.metadata?.name ?? '');
    if (names.toSorted().join() !== wanted.toSorted().join()) return [`stateful set ${idOf(set)} of ${wanted.length} has ${names.toSorted().join()}`];
    const { replicas = 0, readyReplicas = 0, updatedReplicas = 0, currentRevision, updateRevision } = set.status ?? {};
    const told = [replicas, readyReplicas, updatedReplicas].join('/');
    const truth = [wanted.length, wanted.length, wanted.length].join('/');
    if (told !== truth) return [`stateful set ${idOf(set)} tells of ${told} pods, and there are ${truth}`];
    return currentRevision === updateRevision ? [] : [`stateful set ${idOf(set)} is between revisions`];
  });

/** One pod on every node. */
export const checkDaemonSets: Check = async ({ api }, pods) => {
  const nodes = (await api.list(Node)).items.length;
  return (await api.list(DaemonSet)).items.flatMap((set) => {
    const own = ownedBy(pods, set);
    const places = new Set(own.map((pod) => pod.spec?.nodeName));
    if (own.length !== nodes || places.size !== nodes) return [`daemon set ${idOf(set)} has ${own.length} pods on ${places.size} of ${nodes} nodes`];
    const { desiredNumberScheduled, numberReady, updatedNumberScheduled } = set.status ?? {};
    const told = [desiredNumberScheduled, numberReady, updatedNumberScheduled].join('/');
    const truth = [nodes, own.filter(isReady).length, nodes].join('/');
    return told === truth ? [] : [`daemon set ${idOf(set)} tells of ${told}, and there are ${truth}`];
  });
};

/** Each has ended, and counted every completion once. */
export const checkJobs: Check = async ({ api }, pods) =>
  (await api.list(Job)).items.flatMap((job) => {
    const { succeeded = 0, active = 0, conditions = [] } = job.status ?? {};
    const ended = conditions.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
    if (!ended) return [`job ${idOf(job)} has not ended: ${JSON.stringify(job.status)}`];
    const left = ownedBy(pods, job).filter((pod) => pod.status?.phase === 'Running' || pod.status?.phase === 'Pending').length;
    if (active !== 0 || left !== 0) return [`job ${idOf(job)} has ended with ${left} pods that run, and tells of ${active}`];
    return ended.type === 'Complete' && succeeded !== job.spec?.completions ? [`job ${idOf(job)} counts ${succeeded} of ${job.spec?.completions}`] : [];
  });

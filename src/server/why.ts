import type { Client } from '#client';
import {
  isReady,
  DaemonSet,
  Deployment,
  Event,
  Job,
  Pod,
  ReplicaSet,
  ReplicationController,
  StatefulSet,
  type CoreV1Event,
  type V1ContainerStatus,
  type V1Pod,
} from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import type { NodeVerdict, PlacementSource, PlacementStatus } from '#scheduler';
import { UserError } from './errors.ts';

/** `batuta why`: what keeps an object from being what it should be. */
export interface WhyReport {
  /** `pod default/web-0`. */
  readonly subject: string;
  /** One line, plain. */
  readonly summary: string;
  /** More lines: what containers wait for, what the controller could not do. */
  readonly details: readonly string[];
  /** Of a pod without a node: what each node has against it. */
  readonly nodes?: readonly NodeVerdict[];
  /** The newest warnings about it, newest first. */
  readonly events: readonly { readonly reason: string; readonly message: string; readonly count: number; readonly last: string }[];
  /** What belongs to it and is not well. */
  readonly owned: readonly WhyReport[];
}
export interface WhyTarget {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Kinds that own pods, by every name that kubectl knows them by. */
const workloads: readonly { readonly kind: Kind; readonly names: readonly string[] }[] = (
  [
    [Pod, ['pod', 'pods', 'po']],
    [Deployment, ['deployment', 'deployments', 'deploy']],
    [ReplicaSet, ['replicaset', 'replicasets', 'rs']],
    [StatefulSet, ['statefulset', 'statefulsets', 'sts']],
    [DaemonSet, ['daemonset', 'daemonsets', 'ds']],
    [Job, ['job', 'jobs']],
    [ReplicationController, ['replicationcontroller', 'replicationcontrollers', 'rc']],
  ] as const
).map(([kind, names]) => ({ kind: kind as unknown as Kind, names }));
const mostOwned = 5;
const mostEvents = 3;

/** Throws UserError when there is no such kind or object. */
export async function explain(client: Client, placements: PlacementSource, { kind: name, namespace, name: object }: WhyTarget): Promise<WhyReport> {
  const found = workloads.find(({ names }) => names.includes(name.toLowerCase()));
  if (!found) throw new UserError(`${name}: why knows ${workloads.map(({ names }) => names[0]).join(', ')}`);
  const informers = [Event, ...workloads.map(({ kind }) => kind)].map((kind) => client.informer(kind as unknown as Kind));
  await Promise.all(informers.map((informer) => informer.ready()));
  const subject = client.informer(found.kind).get(namespace, object);
  if (!subject) throw new UserError(`there is no ${found.names[0]} ${object} in the namespace ${namespace}`);
  return new Explainer(client, placements).explain(found.kind, subject);
}

class Explainer {
  readonly #client: Client;
  readonly #placements: PlacementSource;
  constructor(client: Client, placements: PlacementSource) {
    this.#client = client;
    this.#placements = placements;
  }
  explain(kind: Kind, object: KubeObject): WhyReport {
    const base = { subject: `${kind.kind.toLowerCase()} ${object.metadata?.namespace}/${object.metadata?.name}`, events: this.#events(object) };
    if (kind.kind === 'Pod') return { ...base, ...this.#pod(object as V1Pod), owned: [] };
    const owned = this.#owned(object);
    const unwell = owned.filter(({ kind: other, object: one }) => other.kind !== 'Pod' || !isWell(one as V1Pod));
    return {
      ...base,
      ...workload(object as Workload, owned.length),
      owned: unwell
        .map((one) => this.explain(one.kind, one.object))
        .filter((report) => !report.subject.startsWith('replicaset') || report.owned.length > 0 || report.events.length > 0)
        .slice(0, mostOwned),
    };
  }
  #pod(pod: V1Pod): Pick<WhyReport, 'summary' | 'details' | 'nodes'> {
    const placement = pod.spec?.nodeName ? undefined : this.#placements.placement(pod.metadata?.namespace ?? '', pod.metadata?.name ?? '')?.status;
    if (placement) return { summary: placementSummary(placement), details: placementDetails(placement), nodes: placement.nodes };
    if (!pod.spec?.nodeName) return { summary: 'has no node', details: [] };
    return { summary: podSummary(pod), details: containerDetails(pod) };
  }
  /** Objects whose controller this is; ReplicaSets that are scaled away are left out. */
  #owned({ metadata }: KubeObject): { kind: Kind; object: KubeObject }[] {
    return workloads.flatMap(({ kind }) =>
      this.#client
        .informer(kind)
        .list(metadata?.namespace)
        .filter((object) => object.metadata?.ownerReferences?.some((owner) => owner.controller && owner.uid === metadata?.uid))
        .filter((object) => kind.kind !== 'ReplicaSet' || ((object as Workload).spec?.replicas ?? 1) > 0)
        .map((object) => ({ kind, object })),
    );
  }
  #events({ metadata }: KubeObject): WhyReport['events'] {
    const about = this.#client
      .informer(Event)
      .list(metadata?.namespace)
      .filter((event) => event.type === 'Warning' && event.involvedObject.uid === metadata?.uid);
    return about
      .toSorted((a, b) => (lastOf(a) < lastOf(b) ? 1 : -1))
      .slice(0, mostEvents)
      .map((event) => ({ reason: event.reason ?? '', message: event.message ?? '', count: event.count ?? 1, last: lastOf(event) }));
  }
}
const lastOf = (event: CoreV1Event): string =>
  event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata?.creationTimestamp ?? '';

interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number; readonly paused?: boolean; readonly suspend?: boolean };
  readonly status?: {
    readonly readyReplicas?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[];
  };
}
function workload({ spec, status }: Workload, owned: number): Pick<WhyReport, 'summary' | 'details'> {
  const wanted = spec?.replicas;
  const summary = wanted === undefined ? `has ${owned} objects of its own` : `${status?.readyReplicas ?? 0} of ${wanted} replicas are ready`;
  const held = [...(spec?.paused ? ['it is paused: kubectl rollout resume'] : []), ...(spec?.suspend ? ['it is suspended: set spec.suspend to false'] : [])];
  const bad = (status?.conditions ?? []).filter(
    (c) =>
      (c.type === 'ReplicaFailure' || c.type === 'Failed' || c.type === 'FailureTarget') === (c.status === 'True') &&
      c.message &&
      c.reason !== 'NewReplicaSetAvailable',
  );
  return { summary, details: [...held, ...bad.map((c) => `${c.type} ${c.reason}: ${c.message}`)] };
}

function placementSummary({ state, nodes, schedulerName, nominatedNodeName, attempts }: PlacementStatus): string {
  const fitting = nodes.filter((node) => node.fits).length;
  switch (state) {
    case 'Gated':
      return 'waits for its scheduling gates to be removed';
    case 'Foreign':
      return `waits for the scheduler "${schedulerName}", which does not run here`;
    default:
      if (nominatedNodeName) return `waits for less important pods to leave ${nominatedNodeName}`;
      if (nodes.length === 0) return 'has no node: there are none';
      return fitting > 0
        ? `${fitting} of ${nodes.length} nodes can take it: it is about to be tried`
        : `none of ${nodes.length} nodes can take it (tried ${attempts} times)`;
  }
}
function placementDetails({ message, nextAttempt }: PlacementStatus): string[] {
  return [...(message ? [message] : []), ...(nextAttempt ? [`tried again at ${nextAttempt} at the latest`] : [])];
}
const isWell = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || isReady(pod);
function podSummary(pod: V1Pod): string {
  const { phase = 'Pending', reason, message } = pod.status ?? {};
  const more = [reason, message].filter(Boolean).join(': ');
  const on = `on ${pod.spec?.nodeName}`;
  if (pod.metadata?.deletionTimestamp)
    return `is being deleted ${on}${pod.metadata.finalizers?.length ? `; finalizers: ${pod.metadata.finalizers.join(', ')}` : ''}`;
  if (isWell(pod)) return phase === 'Succeeded' ? 'has succeeded' : `runs ${on} and is ready`;
  return `${phase} ${on}${more ? `: ${more}` : ''}`;
}
function containerDetails({ status }: V1Pod): string[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap((container) => containerLine(container) ?? []);
}
function containerLine({ name, state, lastState, ready, restartCount }: V1ContainerStatus): string | undefined {
  const told = (what: { reason?: string; message?: string } | undefined): string => [what?.reason, what?.message].filter(Boolean).join(': ');
  if (state?.waiting) {
    const last = lastState?.terminated ? `; last ended with ${lastState.terminated.exitCode} ${told(lastState.terminated)}` : '';
    return `container ${name} waits: ${told(state.waiting)}${last}`;
  }
  if (state?.terminated && state.terminated.exitCode !== 0) return `container ${name} ended with ${state.terminated.exitCode}: ${told(state.terminated)}`;
  if (state?.running && !ready) return `container ${name} runs (${restartCount} restarts), but is not ready`;
  return undefined;
}

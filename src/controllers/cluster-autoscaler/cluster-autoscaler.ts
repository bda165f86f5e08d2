import type { Informer } from '#client';
import {
  ConfigMap,
  isReady,
  Namespace,
  Node,
  NodeGroup,
  nodeGroupLabel,
  Pod,
  PodDisruptionBudget,
  removeFirstAnnotation,
  type V1ConfigMap,
  type V1Node,
  type V1Pod,
} from '#kinds';
import { isApiError } from '#machinery';
import { formatTime } from '#base';
import type { Controller, ControllerContext, Reconcile } from '../controller.ts';
import { podCondition } from '../pods.ts';
import { balanced } from './balance.ts';
import { choose } from './expanders.ts';
import { isOver, staysWithNode } from './movable.ts';
import { deletionTaint, isLeaving, unneededNodes, type Unneeded } from './scale-down.ts';
import { evaluate, sortOf, templateNode, zonesOf, ZoneTurns, type Option } from './scale-up.ts';
import { statusText } from './status.ts';
import { boundsOf, isAutoscaled, nameOf, type ClusterAutoscalerOptions, type Placement } from './types.ts';

/** Makes NodeGroups larger when pods find no node, and smaller when nodes are not needed (cluster-autoscaler). */
export const clusterAutoscalerController: Controller = {
  name: 'cluster-autoscaler',
  concurrency: 1,
  setup: (context) => {
    const { clusterAutoscaler } = context.options;
    return clusterAutoscaler ? new ClusterAutoscaler(context, clusterAutoscaler).reconcile : async () => {};
  },
};

const key = 'cluster';
const minutes = 60_000;
const defaults = {
  scanMs: 10_000,
  unneededMs: 10 * minutes,
  delayAfterAddMs: 10 * minutes,
  utilizationThreshold: 0.5,
  expanders: ['priority', 'price', 'least-waste'],
  balanceSimilar: false,
};
/** A node whose pods do not go in this time stays. */
const longestDrainMs = 10 * minutes;
const statusKey = { namespace: 'kube-system', name: 'cluster-autoscaler-status' };
const statusObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: statusKey };

class ClusterAutoscaler {
  readonly #context: ControllerContext;
  readonly #options: typeof defaults;
  readonly #makePlacement: () => Placement;
  #made: Placement | undefined;
  readonly #groups: Informer<NodeGroup>;
  readonly #nodes: Informer<V1Node>;
  readonly #pods: Informer<V1Pod>;
  readonly #budgets;
  readonly #namespaces;
  /** Since when a node was not needed, by uid. */
  #unneeded = new Map<string, number>();
  /** Since when a node is emptied, by uid. */
  readonly #draining = new Map<string, number>();
  /** Nodes that their groups were told to let go. */
  readonly #removed = new Set<string>();
  readonly #told = new Map<string, string>();
  #lastScaleUp = 0;
  #status = '';

  constructor(context: ControllerContext, { placement, ...options }: ClusterAutoscalerOptions) {
    this.#context = context;
    this.#options = { ...defaults, ...(options as Partial<typeof defaults>) };
    this.#makePlacement = placement;
    this.#groups = context.watch(NodeGroup, (group, old) =>
      group && !old && isAutoscaled(group) ? [key] : group && isAutoscaled(group) && old && !isAutoscaled(old) ? [key] : [],
    );
    this.#nodes = context.informer(Node);
    this.#pods = context.informer(Pod);
    this.#budgets = context.informer(PodDisruptionBudget);
    this.#namespaces = context.informer(Namespace);
    this.#pods.addIndex('node', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  }

  get #placement(): Placement {
    return (this.#made ??= this.#makePlacement());
  }
  readonly reconcile: Reconcile = async () => {
    const groups = this.#groups.list().filter(isAutoscaled);
    if (groups.length === 0) return;
    await this.#finishRemovals(groups);
    const pending = this.#pods.list().filter(isUnschedulable);
    this.#imagine();
    const turns = new Map(groups.map((group) => [group, this.#imagineUpcoming(group)]));
    const helpless = this.#withoutPlace(pending);
    const grew = helpless.length > 0 && (await this.#scaleUp(turns, helpless));
    const unneeded = grew ? [] : await this.#scaleDown(groups, helpless.length > 0);
    await this.#writeStatus(groups, unneeded);
    return this.#options.scanMs;
  };

  /** The cluster as it is; nodes that are not Ready take no pods. */
  #imagine(): void {
    const placement = this.#placement;
    placement.clear();
    for (const { metadata } of this.#namespaces.list()) placement.setNamespace(metadata?.name ?? '', metadata?.labels ?? {});
    for (const node of this.#nodes.list()) if (isReady(node)) placement.setNode(node);
    for (const pod of this.#pods.list()) if (pod.spec?.nodeName && !isOver(pod)) placement.addPod(pod, pod.spec.nodeName);
  }
  /** Nodes that were ordered and are not there yet. Gives the zones of the next ones. */
  #imagineUpcoming(group: NodeGroup): ZoneTurns {
    const ready = this.#nodesOf(group).filter((node) => isReady(node) && !this.#removed.has(node.metadata?.uid ?? ''));
    const turns = new ZoneTurns(zonesOf(group), ready);
    for (let i = ready.length; i < boundsOf(group).size; i++) this.#placement.setNode(templateNode(group, `upcoming-${nameOf(group)}-${i}`, turns.next()));
    return turns;
  }
  /** Pods that find no place, not even on nodes that are coming. The others are placed in thought. */
  #withoutPlace(pending: readonly V1Pod[]): V1Pod[] {
    const hopeless = new Set<string>();
    return pending.filter((pod) => {
      const sort = sortOf(pod);
      if (hopeless.has(sort)) return true;
      if (this.#placement.place(pod) !== undefined) return false;
      hopeless.add(sort);
      return true;
    });
  }

  async #scaleUp(groups: ReadonlyMap<NodeGroup, ZoneTurns>, pods: readonly V1Pod[]): Promise<boolean> {
    const results = [...groups].map(([group, turns]) => evaluate(group, pods, this.#placement, turns));
    const options = results.flatMap(({ option }) => option ?? []);
    const chosen = choose(options, this.#options.expanders, this.#context.random);
    const helped = new Set(options.flatMap((option) => option.pods));
    for (const pod of pods)
      if (!helped.has(pod))
        this.#tellRefused(
          pod,
          results.flatMap(({ refusals }) => refusals.get(pod) ?? []),
        );
    if (!chosen) return false;
    let ordered = false;
    for (const part of this.#options.balanceSimilar ? balanced(chosen, options) : [chosen]) ordered = (await this.#order(part)) || ordered;
    return ordered;
  }
  async #order({ group, count, pods }: Option): Promise<boolean> {
    const { recorder, clock, log } = this.#context;
    const { size, max } = boundsOf(group);
    const name = nameOf(group);
    try {
      await this.#resize(group, size + count);
    } catch (error) {
      log.warn('a group could not be scaled up', { group: name, error });
      recorder.event(
        statusObject,
        'Warning',
        'FailedToScaleUpGroup',
        `Scale-up failed for group ${name}: ${error instanceof Error ? error.message : String(error)}`,
      );
      return false;
    }
    this.#lastScaleUp = clock.now();
    recorder.event(statusObject, 'Normal', 'ScaledUpGroup', `Scale-up: group ${name} size set to ${size + count} instead of ${size} (max: ${max})`);
    for (const pod of pods) recorder.event(pod, 'Normal', 'TriggeredScaleUp', `pod triggered scale-up: [{${name} ${size}->${size + count} (max: ${max})}]`);
    return true;
  }
  /** Once for each reason: the next look comes soon. */
  #tellRefused(pod: V1Pod, reasons: readonly string[]): void {
    const counts = [...Map.groupBy(reasons, (reason) => reason)].map(([reason, all]) => `${all.length} ${reason}`).toSorted();
    const message = `pod didn't trigger scale-up: ${counts.join(', ')}`;
    const uid = pod.metadata?.uid ?? '';
    if (this.#told.get(uid) === message) return;
    if (this.#told.size > 10_000) this.#told.clear();
    this.#told.set(uid, message);
    this.#context.recorder.event(pod, 'Normal', 'NotTriggerScaleUp', message);
  }

  /** The nodes that nobody needs now; those that were not needed for long enough are on their way out. */
  async #scaleDown(groups: readonly NodeGroup[], waiting: boolean): Promise<readonly Unneeded[]> {
    const now = this.#context.clock.now();
    const unneeded = unneededNodes({
      nodes: this.#nodes.list(),
      groups: new Map(groups.map((group) => [nameOf(group), group])),
      podsOn: (node) => this.#pods.byIndex('node', node),
      budgets: this.#budgets.list(),
      threshold: this.#options.utilizationThreshold,
      placement: this.#placement,
    });
    this.#unneeded = new Map(unneeded.map(({ node }) => [node.metadata?.uid ?? '', this.#unneeded.get(node.metadata?.uid ?? '') ?? now]));
    if (waiting || now - this.#lastScaleUp < this.#options.delayAfterAddMs || this.#draining.size > 0) return unneeded;
    const due = unneeded.filter(({ node }) => now - (this.#unneeded.get(node.metadata?.uid ?? '') ?? now) >= this.#options.unneededMs);
    const empty = due.filter(({ pods }) => pods.length === 0).slice(0, 10);
    // Empty nodes go together; one whose pods have to move goes alone.
    for (const one of empty.length > 0 ? empty : due.slice(0, 1)) await this.#leave(one);
    return unneeded;
  }
  async #leave({ node, group, utilization, pods }: Unneeded): Promise<void> {
    const { api, recorder, clock } = this.#context;
    const name = nameOf(node);
    const taints = [...(node.spec?.taints ?? []), { key: deletionTaint, value: String(Math.floor(clock.now() / 1000)), effect: 'NoSchedule' }];
    await api.patch(Node, { name }, 'application/merge-patch+json', {
      metadata: { resourceVersion: node.metadata?.resourceVersion ?? null },
      spec: { taints },
    } as never);
    recorder.event(node, 'Normal', 'ScaleDown', 'marked the node as toBeDeleted/unschedulable');
    this.#draining.set(node.metadata?.uid ?? '', clock.now());
    if (pods.length === 0) {
      recorder.event(statusObject, 'Normal', 'ScaleDownEmpty', `Scale-down: removing empty node "${name}"`);
      return this.#remove(node, group);
    }
    const names = pods.map(nameOf).join(',');
    recorder.event(
      statusObject,
      'Normal',
      'ScaleDown',
      `Scale-down: removing node ${name}, utilization: ${utilization.toFixed(2)}, pods to reschedule: ${names}`,
    );
    await this.#evict(pods);
  }
  /** A refusal (a budget) is tried again at the next look. */
  async #evict(pods: readonly V1Pod[]): Promise<void> {
    const { api, recorder, log } = this.#context;
    for (const pod of pods) {
      const { namespace, name = '' } = pod.metadata ?? {};
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, ...(namespace ? { namespace } : {}) } };
      try {
        await api.subresource(Pod, { namespace, name }, 'eviction', body);
        recorder.event(pod, 'Normal', 'ScaleDown', 'deleting pod for node scale down');
      } catch (error) {
        if (!isApiError(error, 'NotFound')) log.debug('a pod could not be evicted yet', { namespace: namespace ?? '', name, error });
      }
    }
  }
  /** Nodes whose pods have gone leave their group; nodes that cannot be emptied stay. */
  async #finishRemovals(groups: readonly NodeGroup[]): Promise<void> {
    const { clock } = this.#context;
    const present = new Set<string>();
    for (const node of this.#nodes.list()) {
      const uid = node.metadata?.uid ?? '';
      present.add(uid);
      const group = groups.find((one) => nameOf(one) === node.metadata?.labels?.[nodeGroupLabel]);
      if (!group || !isLeaving(node) || this.#removed.has(uid)) continue;
      const since = this.#draining.get(uid) ?? clock.now();
      this.#draining.set(uid, since);
      const left = this.#pods.byIndex('node', nameOf(node)).filter((pod) => !staysWithNode(pod) && !isOver(pod));
      if (left.length === 0) await this.#remove(node, group);
      else if (clock.now() - since > longestDrainMs) await this.#giveUp(node);
      else await this.#evict(left.filter(({ metadata }) => !metadata?.deletionTimestamp));
    }
    for (const uid of this.#draining.keys()) if (!present.has(uid)) this.#draining.delete(uid);
    for (const uid of this.#removed) if (!present.has(uid)) this.#removed.delete(uid);
  }
  async #remove(node: V1Node, group: NodeGroup): Promise<void> {
    const { api, recorder, client } = this.#context;
    const uid = node.metadata?.uid ?? '';
    await api.patch(Node, { name: nameOf(node) }, 'application/merge-patch+json', { metadata: { annotations: { [removeFirstAnnotation]: 'true' } } });
    // Several may go in one look: the cache knows only of the first.
    const present = await client.api.get(NodeGroup, { name: nameOf(group) });
    await this.#resize(present, boundsOf(present).size - 1);
    this.#removed.add(uid);
    this.#draining.delete(uid);
    recorder.event(node, 'Normal', 'ScaleDown', 'node removed by cluster autoscaler');
  }
  async #giveUp(node: V1Node): Promise<void> {
    const { api, recorder } = this.#context;
    const taints = (node.spec?.taints ?? []).filter(({ key: taint }) => taint !== deletionTaint);
    await api.patch(Node, { name: nameOf(node) }, 'application/merge-patch+json', { spec: { taints } } as never);
    this.#draining.delete(node.metadata?.uid ?? '');
    recorder.event(node, 'Warning', 'ScaleDownFailed', 'failed to drain the node, aborting ScaleDown');
  }
  async #resize(group: NodeGroup, replicas: number): Promise<void> {
    const { name = '', resourceVersion = '' } = group.metadata ?? {};
    await this.#context.api.patch(NodeGroup, { name }, 'application/merge-patch+json', { metadata: { resourceVersion }, spec: { replicas } });
  }
  #nodesOf(group: NodeGroup): V1Node[] {
    return this.#nodes.list().filter(({ metadata }) => metadata?.labels?.[nodeGroupLabel] === nameOf(group));
  }

  /** Written only when something but the time has changed. */
  async #writeStatus(groups: readonly NodeGroup[], unneeded: readonly Unneeded[]): Promise<void> {
    const { api, clock, log } = this.#context;
    const views = groups.map((group) => ({ group, nodes: this.#nodesOf(group), candidates: unneeded.filter((one) => one.group === group).length }));
    const text = (now: number): string => statusText(views, this.#nodes.list(), now);
    if (text(0) === this.#status) return;
    const now = clock.now();
    const metadata = { ...statusKey, annotations: { 'cluster-autoscaler.kubernetes.io/last-updated': formatTime(now) } };
    const wanted: V1ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { status: text(now) } };
    try {
      await api.patch(ConfigMap, statusKey, 'application/merge-patch+json', wanted as never);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) return void log.debug('status not written', { error });
      await api.create(ConfigMap, wanted).catch((failure: unknown) => log.debug('status not written', { error: failure }));
    }
    this.#status = text(0);
  }
}

function isUnschedulable(pod: V1Pod): boolean {
  const condition = podCondition(pod, 'PodScheduled');
  return condition?.status === 'False' && condition.reason === 'Unschedulable' && !pod.spec?.nodeName && !pod.metadata?.deletionTimestamp;
}

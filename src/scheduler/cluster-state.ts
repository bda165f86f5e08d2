import { isDeepStrictEqual } from 'node:util';
import type { V1Node } from '#kinds';
import { HeldTerms } from './held-terms.ts';
import { ImageSpread } from './image-spread.ts';
import { NodeInfo } from './node-info.ts';
import { Nominations } from './nominations.ts';
import type { NodeChange } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';
import type { PodTerm, WeightedTerm } from './pod-terms.ts';
import { TopologyIndex } from './topology-index.ts';

type Labels = { readonly [key: string]: string };
/** A pod and the node that it counts on. */
export interface Placed {
  readonly info: PodInfo;
  readonly node: NodeInfo;
}

/**
 * The cluster as scheduling sees it. Each event costs what it changes, so there is nothing to copy or rebuild before a
 * decision. Pods on nodes that are not (yet, or no longer) known are kept with their node's name.
 */
export class ClusterState {
  /** Nodes that exist, in no particular order. */
  readonly nodes: NodeInfo[] = [];
  /** Counts of placed pods by topology. */
  readonly pods = new TopologyIndex(() => this.nodes);
  /** Required anti-affinity, required affinity and preferences of placed pods. */
  readonly antiAffine = new HeldTerms<PodTerm>((pod) => pod.antiAffinity);
  readonly affine = new HeldTerms<PodTerm>((pod) => pod.affinity);
  readonly preferring = new HeldTerms<WeightedTerm>((pod) => pod.preferredPods);
  readonly images = new ImageSpread();
  readonly nominations = new Nominations();
  readonly #byName = new Map<string, NodeInfo>();
  readonly #position = new Map<NodeInfo, number>();
  readonly #sources = new Map<string, V1Node>();
  readonly #pods = new Map<string, Placed>();
  readonly #namespaces = new Map<string, Labels>();

  node(name: string): NodeInfo | undefined {
    return this.#byName.get(name);
  }
  /** A node that exists. */
  present(name: string): NodeInfo | undefined {
    return this.#sources.has(name) ? this.#byName.get(name) : undefined;
  }
  /** The node that a pod counts on. */
  nodeOf(uid: string): NodeInfo | undefined {
    return this.#pods.get(uid)?.node;
  }
  pod(uid: string): PodInfo | undefined {
    return this.#pods.get(uid)?.info;
  }
  get podCount(): number {
    return this.#pods.size;
  }
  placedPods(): Iterable<Placed> {
    return this.#pods.values();
  }
  /** Labels of a namespace; undefined forgets it. */
  setNamespace(name: string, labels: Labels | undefined): void {
    const changed = !isDeepStrictEqual(this.#namespaces.get(name) ?? {}, labels ?? {});
    if (labels) this.#namespaces.set(name, labels);
    else this.#namespaces.delete(name);
    if (changed) this.pods.namespacesChanged();
  }
  readonly namespaceLabels = (name: string): Labels => this.#namespaces.get(name) ?? {};

  /** 'added' for a new node, what changed for a known one, undefined when nothing that matters did. */
  setNode(node: V1Node): 'added' | NodeChange | undefined {
    const name = node.metadata?.name ?? '';
    const info = this.#ensure(name);
    const old = this.#sources.get(name);
    this.#sources.set(name, node);
    const change = old ? nodeChange(old, node) : 'added';
    if (change === undefined) return undefined;
    const moved = change === 'added' || change.labels || change.taints;
    if (moved) this.#uncount(info, old !== undefined);
    this.images.remove(info);
    info.setNode(node);
    this.images.add(info);
    if (!old) {
      this.#position.set(info, this.nodes.length);
      this.nodes.push(info);
    }
    if (moved) this.#recount(info, true);
    return change === 'added' || change.relevant ? change : undefined;
  }
  removeNode(name: string): void {
    const info = this.#byName.get(name);
    if (!info || !this.#sources.delete(name)) return;
    const at = this.#position.get(info) as number;
    const last = this.nodes.pop() as NodeInfo;
    if (last !== info) {
      this.nodes[at] = last;
      this.#position.set(last, at);
    }
    this.#position.delete(info);
    this.#uncount(info, true);
    this.images.remove(info);
    info.forgetNode();
    this.#recount(info, false);
    this.#forget(info);
  }

  /** Counts a pod on a node; a pod that was counted before (assumed, or changed) is replaced. */
  addPod(info: PodInfo, nodeName: string): void {
    this.removePod(info.uid);
    const node = this.#ensure(nodeName);
    node.add(info);
    this.#pods.set(info.uid, { info, node });
    this.#countPod(info, node);
  }
  removePod(uid: string): PodInfo | undefined {
    const found = this.#pods.get(uid);
    if (!found) return undefined;
    this.#pods.delete(uid);
    found.node.remove(found.info);
    this.#uncountPod(found.info, found.node);
    this.#forget(found.node);
    return found.info;
  }

  #countPod(pod: PodInfo, node: NodeInfo): void {
    this.pods.add(pod, node);
    this.antiAffine.add(pod, node);
    this.affine.add(pod, node);
    this.preferring.add(pod, node);
  }
  #uncountPod(pod: PodInfo, node: NodeInfo): void {
    this.pods.remove(pod, node);
    this.antiAffine.remove(pod, node);
    this.affine.remove(pod, node);
    this.preferring.remove(pod, node);
  }
  /** Before the labels of a node change: what is counted by them. */
  #uncount(node: NodeInfo, exists: boolean): void {
    for (const pod of node.pods.values()) this.#uncountPod(pod, node);
    if (exists) this.pods.removeNode(node);
  }
  #recount(node: NodeInfo, exists: boolean): void {
    if (exists) this.pods.addNode(node);
    for (const pod of node.pods.values()) this.#countPod(pod, node);
  }
  #ensure(name: string): NodeInfo {
    let info = this.#byName.get(name);
    if (!info) this.#byName.set(name, (info = new NodeInfo(name)));
    return info;
  }
  #forget(info: NodeInfo): void {
    if (info.pods.size === 0 && !this.#sources.has(info.name)) this.#byName.delete(info.name);
  }
}

/** Heartbeats and conditions change nodes all the time; only these facts matter here. */
function nodeChange(old: V1Node, node: V1Node): (NodeChange & { relevant: boolean }) | undefined {
  const change = {
    allocatable: !isDeepStrictEqual(old.status?.allocatable, node.status?.allocatable),
    labels: !isDeepStrictEqual(old.metadata?.labels, node.metadata?.labels),
    taints: !isDeepStrictEqual(old.spec?.taints, node.spec?.taints),
    unschedulable: (old.spec?.unschedulable === true) !== (node.spec?.unschedulable === true),
  };
  const relevant = change.allocatable || change.labels || change.taints || change.unschedulable;
  return relevant || !isDeepStrictEqual(old.status?.images, node.status?.images) ? { ...change, relevant } : undefined;
}

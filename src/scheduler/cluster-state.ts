import { isDeepStrictEqual } from 'node:util';
import type { V1Node } from '#kinds';
import { NodeInfo } from './node-info.ts';
import type { NodeChange } from './plugin.ts';
import type { PodInfo } from './pod-info.ts';

type Labels = { readonly [key: string]: string };

/**
 * The cluster as scheduling sees it. Each event costs O(1), so there is nothing to copy or rebuild before a
 * decision. Pods on nodes that are not (yet, or no longer) known are kept with their node's name.
 */
export class ClusterState {
  /** Nodes that exist, in no particular order. */
  readonly nodes: NodeInfo[] = [];
  readonly #byName = new Map<string, NodeInfo>();
  readonly #position = new Map<NodeInfo, number>();
  readonly #sources = new Map<string, V1Node>();
  readonly #pods = new Map<string, { info: PodInfo; node: NodeInfo }>();
  readonly #antiAffine = new Map<string, { info: PodInfo; node: NodeInfo }>();
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

  /** Placed pods that keep others away. */
  antiAffine(): Iterable<{ info: PodInfo; node: NodeInfo }> {
    return this.#antiAffine.values();
  }
  placedPods(): Iterable<{ info: PodInfo; node: NodeInfo }> {
    return this.#pods.values();
  }
  /** Labels of a namespace; undefined forgets it. */
  setNamespace(name: string, labels: Labels | undefined): void {
    if (labels) this.#namespaces.set(name, labels);
    else this.#namespaces.delete(name);
  }
  readonly namespaceLabels = (name: string): Labels => this.#namespaces.get(name) ?? {};

  /** 'added' for a new node, what changed for a known one, undefined when nothing that matters did. */
  setNode(node: V1Node): 'added' | NodeChange | undefined {
    const name = node.metadata?.name ?? '';
    const info = this.#ensure(name);
    const old = this.#sources.get(name);
    this.#sources.set(name, node);
    if (!old) {
      info.setNode(node);
      this.#position.set(info, this.nodes.length);
      this.nodes.push(info);
      return 'added';
    }
    const change = nodeChange(old, node);
    if (change) info.setNode(node);
    return change;
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
    this.#forget(info);
  }

  /** Counts a pod on a node; a pod that was counted before (assumed, or changed) is replaced. */
  addPod(info: PodInfo, nodeName: string): void {
    this.removePod(info.uid);
    const node = this.#ensure(nodeName);
    node.add(info);
    const placed = { info, node };
    this.#pods.set(info.uid, placed);
    if (info.antiAffinity.length > 0) this.#antiAffine.set(info.uid, placed);
  }
  removePod(uid: string): PodInfo | undefined {
    const found = this.#pods.get(uid);
    if (!found) return undefined;
    this.#pods.delete(uid);
    this.#antiAffine.delete(uid);
    found.node.remove(found.info);
    this.#forget(found.node);
    return found.info;
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
function nodeChange(old: V1Node, node: V1Node): NodeChange | undefined {
  const change = {
    allocatable: !isDeepStrictEqual(old.status?.allocatable, node.status?.allocatable),
    labels: !isDeepStrictEqual(old.metadata?.labels, node.metadata?.labels),
    taints: !isDeepStrictEqual(old.spec?.taints, node.spec?.taints),
    unschedulable: (old.spec?.unschedulable === true) !== (node.spec?.unschedulable === true),
  };
  return change.allocatable || change.labels || change.taints || change.unschedulable ? change : undefined;
}

import { seededRandom, type Clock, type Logger } from '#base';
import type { Client } from '#client';
import type { V1Node, V1Pod } from '#kinds';
import { ClusterState } from './cluster-state.ts';
import { FilterCycle } from './filter-cycle.ts';
import { findNode } from './find-node.ts';
import { podInfo } from './pod-info.ts';
import { defaultProfile, type Profile } from './profile.ts';

/** A cluster in thought: nodes and pods come and go in it, and pods are tried on it, by the filters of the default profile. */
export class WhatIf {
  readonly #state = new ClusterState();
  readonly #profile: Profile;
  readonly #random = seededRandom(1);
  readonly #uids = new Set<string>();
  constructor({ client, clock, log }: { client: Client; clock: Clock; log: Logger }) {
    this.#profile = defaultProfile({ state: this.#state, api: client.api, clock, log, random: this.#random, informer: (kind) => client.informer(kind) });
  }
  /** An empty cluster again. */
  clear(): void {
    for (const uid of this.#uids) this.#state.removePod(uid);
    this.#uids.clear();
    for (let first = this.#state.nodes[0]; first; first = this.#state.nodes[0]) this.#state.removeNode(first.name);
  }
  setNamespace(name: string, labels: { readonly [key: string]: string }): void {
    this.#state.setNamespace(name, labels);
  }
  setNode(node: V1Node): void {
    this.#state.setNode(node);
  }
  removeNode(name: string): void {
    this.#state.removeNode(name);
  }
  addPod(pod: V1Pod, node: string): void {
    const info = podInfo(pod);
    this.#uids.add(info.uid);
    this.#state.addPod(info, node);
  }
  removePod(pod: V1Pod): void {
    const { uid } = podInfo(pod);
    this.#uids.delete(uid);
    this.#state.removePod(uid);
  }
  /** Why one node cannot take the pod; undefined when it can. */
  against(pod: V1Pod, node: string): readonly string[] | undefined {
    const info = podInfo(pod);
    const cycle = new FilterCycle(this.#state, info, this.#profile.filters);
    if (cycle.refused) return cycle.refused.rejection.reasons;
    const found = this.#state.present(node);
    if (!found) return ['node(s) not found'];
    const only = cycle.only();
    if (only && !only.names.includes(node)) return [`node(s) didn't satisfy plugin(s) [${only.plugins.map((plugin) => plugin.name).join(' ')}]`];
    return cycle.check(found)?.reasons;
  }
  /** Puts the pod on the best node that can take it; gives the node's name, or undefined when there is none. */
  place(pod: V1Pod): string | undefined {
    const { node } = findNode(this.#state, podInfo(pod), this.#profile, 0, this.#random);
    if (node) this.addPod(pod, node.name);
    return node?.name;
  }
}

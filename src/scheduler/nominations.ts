import type { PodInfo } from './pod-info.ts';

/** Which pods are promised a node that victims of theirs are leaving. */
export class Nominations {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, PodInfo>>();

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid);
  }
  /** Undefined: none; the usual case costs one look. */
  on(node: string): ReadonlyMap<string, PodInfo> | undefined {
    return this.#byNode.size === 0 ? undefined : this.#byNode.get(node);
  }
  set(pod: PodInfo, node: string): void {
    this.delete(pod.uid);
    this.#nodeOf.set(pod.uid, node);
    const there = this.#byNode.get(node);
    if (there) there.set(pod.uid, pod);
    else this.#byNode.set(node, new Map([[pod.uid, pod]]));
  }
  /** What was promised to whom; undefined when nothing was. */
  delete(uid: string): { readonly pod: PodInfo; readonly node: string } | undefined {
    const node = this.#nodeOf.get(uid);
    const there = node === undefined ? undefined : this.#byNode.get(node);
    const pod = there?.get(uid);
    if (node === undefined || !there || !pod) return undefined;
    this.#nodeOf.delete(uid);
    there.delete(uid);
    if (there.size === 0) this.#byNode.delete(node);
    return { pod, node };
  }
}

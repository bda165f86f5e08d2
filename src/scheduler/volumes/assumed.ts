/** What was decided for claims and is not yet to be seen in the caches. Each hold counts: two pods may share a claim. */
export class Assumed {
  /** Claim to node: where its volume will be made. */
  readonly #nodes = new Map<string, { node: string; holders: Set<string> }>();
  /** Volume to claim: whose it will be. */
  readonly #volumes = new Map<string, { claim: string; holders: Set<string> }>();

  nodeOf(claim: string): string | undefined {
    return this.#nodes.get(claim)?.node;
  }
  /** Volumes that are promised to other claims. */
  taken(claim: string): Set<string> {
    const names = new Set<string>();
    for (const [name, promise] of this.#volumes) if (promise.claim !== claim) names.add(name);
    return names;
  }
  chooseNode(claim: string, node: string, pod: string): void {
    const present = this.#nodes.get(claim);
    if (present) present.holders.add(pod);
    else this.#nodes.set(claim, { node, holders: new Set([pod]) });
  }
  promise(volume: string, claim: string, pod: string): void {
    const present = this.#volumes.get(volume);
    if (present) present.holders.add(pod);
    else this.#volumes.set(volume, { claim, holders: new Set([pod]) });
  }
  /** The pod has its volumes, or will not have them. */
  release(pod: string): void {
    for (const map of [this.#nodes, this.#volumes])
      for (const [key, { holders }] of map) if (holders.delete(pod) && holders.size === 0) (map as Map<string, unknown>).delete(key);
  }
}

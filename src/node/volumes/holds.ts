/** Which pods of the node have which persistent volumes. */
export class Holds {
  readonly #paths = new Map<string, Map<string, string>>();
  readonly #exclusive = new Map<string, string>();

  /** Where a volume of the pod is, once it was found: kubelet mounts it once, too. */
  path(podUid: string, volume: string): string | undefined {
    return this.#paths.get(podUid)?.get(volume);
  }
  keep(podUid: string, volume: string, path: string): void {
    const paths = this.#paths.get(podUid);
    if (paths) paths.set(volume, path);
    else this.#paths.set(podUid, new Map([[volume, path]]));
  }
  /** False when another pod has the volume for itself. */
  take(podUid: string, name: string): boolean {
    if ((this.#exclusive.get(name) ?? podUid) !== podUid) return false;
    this.#exclusive.set(name, podUid);
    return true;
  }
  release(podUid: string): void {
    this.#paths.delete(podUid);
    for (const [name, holder] of this.#exclusive) if (holder === podUid) this.#exclusive.delete(name);
  }
}

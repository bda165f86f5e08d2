import type { Kind, KubeObject, OwnerReference } from '#machinery';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export interface Node {
  readonly kind: Kind;
  readonly object: KubeObject;
  readonly uid: string;
}

export const ownersOf = (object: KubeObject): readonly OwnerReference[] => object.metadata?.ownerReferences ?? [];
const deletingWith = (object: KubeObject, finalizer: string): boolean =>
  object.metadata?.deletionTimestamp !== undefined && (object.metadata.finalizers ?? []).includes(finalizer);
/** Waits for its dependents to be deleted. */
export const isDeletingDependents = (object: KubeObject): boolean => deletingWith(object, foregroundFinalizer);
export const isOrphaning = (object: KubeObject): boolean => deletingWith(object, orphanFinalizer);

/** Leases are renewed and statuses told all the time, and references stay the same ones. */
export function sameOwners(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  return sameUids(a, b) && a.every((ref, i) => ref.name === b[i]?.name && ref.kind === b[i]?.kind && ref.blockOwnerDeletion === b[i]?.blockOwnerDeletion);
}
function sameUids(a: readonly OwnerReference[], b: readonly OwnerReference[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i]?.uid !== b[i]?.uid) return false;
  return true;
}

/** Whether the reference of an object in `namespace` means this node: kind, name and namespace must agree, not only the uid. */
export function means(ref: OwnerReference, namespace: string | undefined, node: Node): boolean {
  const { kind, object } = node;
  return kind.kind === ref.kind && object.metadata?.name === ref.name && (!kind.namespaced || object.metadata?.namespace === namespace);
}

/** Who owns whom, by uid, kept up to date change by change. Owners need not exist: their dependents are known all the same. */
export class OwnerGraph {
  readonly #nodes = new Map<string, Node>();
  readonly #dependents = new Map<string, Set<string>>();

  get(uid: string): Node | undefined {
    return this.#nodes.get(uid);
  }
  dependents(uid: string): Node[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((id) => this.#nodes.get(id) ?? []);
  }
  /** Dependents that keep an owner waiting in foreground deletion. */
  blocking(uid: string): Node[] {
    return this.dependents(uid).filter((node) => ownersOf(node.object).some((ref) => ref.uid === uid && ref.blockOwnerDeletion === true));
  }
  put(kind: Kind, object: KubeObject): void {
    const uid = object.metadata?.uid ?? '';
    const old = this.#nodes.get(uid);
    this.#nodes.set(uid, { kind, object, uid });
    if (old && sameUids(ownersOf(old.object), ownersOf(object))) return;
    if (old) this.#unlink(uid, old.object);
    for (const ref of ownersOf(object)) {
      let set = this.#dependents.get(ref.uid);
      if (!set) this.#dependents.set(ref.uid, (set = new Set()));
      set.add(uid);
    }
  }
  remove(uid: string): void {
    const old = this.#nodes.get(uid);
    if (!old) return;
    this.#nodes.delete(uid);
    this.#unlink(uid, old.object);
  }
  #unlink(uid: string, object: KubeObject): void {
    for (const ref of ownersOf(object)) {
      const set = this.#dependents.get(ref.uid);
      set?.delete(uid);
      if (set?.size === 0) this.#dependents.delete(ref.uid);
    }
  }
}

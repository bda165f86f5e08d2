import { isApiError, type Kind, type KubeObject, type OwnerReference } from '#machinery';
import type { Controller, ControllerContext, Reconcile } from '../controller.ts';
import { patchOwners } from '../ownership.ts';
import { foregroundFinalizer, isDeletingDependents, isOrphaning, means, orphanFinalizer, OwnerGraph, ownersOf, sameOwners, type Node } from './graph.ts';

/** Deletes what has lost all its owners, and carries out foreground and orphaning deletion. Keys are uids. */
export const garbageCollector: Controller = { name: 'garbage-collector', component: 'garbage-collector-controller', concurrency: 64, setup };

/** Events refer to objects but own nothing, and there are many of them. */
const isCollected = (kind: Kind): boolean => kind.kind !== 'Event' && ['list', 'watch', 'delete'].every((verb) => kind.verbs.includes(verb));

function setup(context: ControllerContext): Reconcile {
  const graph = new OwnerGraph();
  context.watchAll(isCollected, follow);
  const collector = new Collector(context, graph);
  return (uid) => collector.collect(uid);

  function follow(kind: Kind, object: KubeObject | undefined, old: KubeObject | undefined): string[] {
    const gone = old && old.metadata?.uid !== object?.metadata?.uid ? leave(old) : [];
    return object ? [...gone, ...enter(kind, object)] : gone;
  }
  function leave(object: KubeObject): string[] {
    const uid = object.metadata?.uid ?? '';
    graph.remove(uid);
    return [...graph.dependents(uid).map((node) => node.uid), ...waitingOwners(object)];
  }
  function enter(kind: Kind, object: KubeObject): string[] {
    const uid = object.metadata?.uid ?? '';
    const before = graph.get(uid)?.object;
    graph.put(kind, object);
    if (isDeletingDependents(object)) return [uid, ...graph.dependents(uid).map((node) => node.uid)];
    if (isOrphaning(object)) return [uid];
    const keys = before && !sameOwners(ownersOf(before), ownersOf(object)) ? waitingOwners(before) : [];
    return ownersOf(object).some((ref) => doubtful(ref, object.metadata?.namespace)) ? [...keys, uid] : keys;
  }
  /** An owner that is not known (yet), is another than the reference says, or is taking its dependents with it. */
  function doubtful(ref: OwnerReference, namespace: string | undefined): boolean {
    const owner = graph.get(ref.uid);
    return owner === undefined || !means(ref, namespace, owner) || isDeletingDependents(owner.object);
  }
  function waitingOwners(object: KubeObject): string[] {
    return ownersOf(object)
      .map((ref) => ref.uid)
      .filter((uid) => isDeletingDependents(graph.get(uid)?.object ?? {}));
  }
}

class Collector {
  readonly #context: ControllerContext;
  readonly #graph: OwnerGraph;
  constructor(context: ControllerContext, graph: OwnerGraph) {
    this.#context = context;
    this.#graph = graph;
  }

  async collect(uid: string): Promise<void> {
    const node = this.#graph.get(uid);
    if (!node) return;
    try {
      if (isOrphaning(node.object)) await this.#orphanDependents(node);
      else if (isDeletingDependents(node.object)) await this.#deleteDependents(node);
      else await this.#judge(node);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  /** Background: delete what has no owner left; drop references to owners that are gone or leaving when one stays. */
  async #judge(node: Node): Promise<void> {
    const refs = ownersOf(node.object);
    if (refs.length === 0 || (node.object.metadata?.deletionTimestamp !== undefined && !isDeletingDependents(node.object))) return;
    const states = await Promise.all(refs.map((ref) => this.#stateOf(node, ref)));
    const solid = refs.filter((_ref, i) => states[i] === 'solid');
    const waiting = refs.filter((_ref, i) => states[i] === 'waiting');
    if (solid.length > 0) {
      if (solid.length < refs.length) await patchOwners(this.#context.api, node.kind, node.object, solid);
      return;
    }
    const dependents = this.#graph.dependents(node.uid);
    // Part of a circle: what waits for this one would be waited for by it.
    if (waiting.length > 0 && dependents.some((dependent) => isDeletingDependents(dependent.object))) await this.#unblock(node);
    const policy = waiting.length > 0 && dependents.length > 0 ? 'Foreground' : this.#policyOf(node.object);
    await this.#delete(node, policy);
  }
  /** Its owners do not wait for it any more. */
  async #unblock({ kind, object }: Node): Promise<void> {
    const refs = ownersOf(object);
    if (!refs.some((ref) => ref.blockOwnerDeletion)) return;
    await patchOwners(
      this.#context.api,
      kind,
      object,
      refs.map((ref) => ({ ...ref, blockOwnerDeletion: false })),
    );
  }
  #policyOf(object: KubeObject): 'Orphan' | 'Foreground' | 'Background' {
    const finalizers = object.metadata?.finalizers ?? [];
    return finalizers.includes(orphanFinalizer) ? 'Orphan' : finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
  }
  /** solid: it is there; waiting: it is there and goes when its dependents are gone; absent: it is gone, or was another one. */
  async #stateOf(node: Node, ref: OwnerReference): Promise<'solid' | 'waiting' | 'absent'> {
    const kind = this.#kindOf(ref);
    if (!kind) return 'solid';
    const namespace = kind.namespaced ? node.object.metadata?.namespace : undefined;
    if (kind.namespaced && namespace === undefined) return this.#invalidNamespace(node, ref);
    const known = this.#graph.get(ref.uid);
    if (known && means(ref, namespace, known)) return isDeletingDependents(known.object) ? 'waiting' : 'solid';
    // The cache may be behind: only the API itself can tell that an owner does not exist.
    try {
      const live = await this.#context.api.get(kind, { namespace, name: ref.name });
      if (live.metadata?.uid !== ref.uid) return 'absent';
      return isDeletingDependents(live) ? 'waiting' : 'solid';
    } catch (error) {
      if (isApiError(error, 'NotFound')) return 'absent';
      throw error;
    }
  }
  #invalidNamespace(node: Node, ref: OwnerReference): 'solid' {
    this.#context.recorder.event(
      node.object,
      'Warning',
      'OwnerRefInvalidNamespace',
      `ownerRef [${ref.apiVersion}/${ref.kind}, namespace: , name: ${ref.name}, uid: ${ref.uid}] does not exist in namespace ""`,
    );
    return 'solid';
  }
  #kindOf(ref: OwnerReference): Kind | undefined {
    const slash = ref.apiVersion.indexOf('/');
    const group = slash < 0 ? '' : ref.apiVersion.slice(0, slash);
    return this.#context.client.kinds.resources().find((kind) => kind.kind === ref.kind && kind.group === group);
  }
  async #delete(node: Node, propagationPolicy: 'Orphan' | 'Foreground' | 'Background'): Promise<void> {
    const { namespace, name = '' } = node.object.metadata ?? {};
    await this.#context.api.delete(node.kind, { namespace, name }, { preconditions: { uid: node.uid }, propagationPolicy });
  }

  /** Foreground: dependents first; the owner goes when none of them holds it any more. */
  async #deleteDependents(node: Node): Promise<void> {
    const dependents = this.#graph.dependents(node.uid);
    for (const dependent of dependents) if (dependent.object.metadata?.deletionTimestamp === undefined) this.#context.enqueue(dependent.uid);
    if (this.#graph.blocking(node.uid).length > 0) return this.#breakCircle(node);
    await this.#removeFinalizer(node, foregroundFinalizer);
  }
  /** Owners that wait for each other would wait for ever: such a dependent no longer blocks. */
  async #breakCircle(node: Node): Promise<void> {
    const owners = new Set(ownersOf(node.object).map((ref) => ref.uid));
    const circular = this.#graph.blocking(node.uid).filter((d) => owners.has(d.uid) && isDeletingDependents(d.object));
    await Promise.all(
      circular.map((d) =>
        patchOwners(
          this.#context.api,
          d.kind,
          d.object,
          ownersOf(d.object).map((ref) => (ref.uid === node.uid ? { ...ref, blockOwnerDeletion: false } : ref)),
        ),
      ),
    );
  }
  async #orphanDependents(node: Node): Promise<void> {
    await Promise.all(this.#graph.dependents(node.uid).map((d) => this.#orphan(d, node.uid)));
    await this.#removeFinalizer(node, orphanFinalizer);
  }
  async #orphan(dependent: Node, owner: string): Promise<void> {
    const rest = ownersOf(dependent.object).filter((ref) => ref.uid !== owner);
    try {
      await patchOwners(this.#context.api, dependent.kind, dependent.object, rest);
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
  async #removeFinalizer(node: Node, finalizer: string): Promise<void> {
    const { namespace, name = '', resourceVersion } = node.object.metadata ?? {};
    const finalizers = (node.object.metadata?.finalizers ?? []).filter((f) => f !== finalizer);
    await this.#context.api.patch(node.kind, { namespace, name }, 'application/merge-patch+json', {
      metadata: { ...(resourceVersion ? { resourceVersion } : {}), finalizers: finalizers.length > 0 ? finalizers : null },
    });
  }
}

import { Pod, type V1Pod } from '#kinds';
import { cloneObject, isApiError, type Kind, type LabelSelector } from '#machinery';
import { isNamespaceTerminating, ownKey, splitKey, type ControllerContext, type Reconcile } from '../controller.ts';
import { applyClaims, controllerOf, controllerReference, ownerKeys, planClaims } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { concernsOwner, indexByController, indexOrphans, isPodActive, isTerminating, nextAvailable } from '../pods.ts';
import { inBatches } from '../batches.ts';
import { writeStatus } from '../status.ts';
import { deletionOrder } from './rank.ts';
import { replicasStatus, sameReplicasStatus, type Failure, type Replicated } from './status.ts';

/** Pods created or deleted in one go; the rest follows at once, after the status was written. */
const burst = 1000;

/** A kind that asks for so many pods of one template, and how it differs from the others. */
export interface ReplicaSource<T extends Replicated> {
  readonly kind: Kind<T>;
  selector(object: T): LabelSelector | undefined;
  /** Whether its status has room for the pods that are ending. */
  readonly tellsTerminating: boolean;
}

/** Keeps as many pods alive as each object of the kind asks for. */
export const replicate =
  <T extends Replicated>(source: ReplicaSource<T>) =>
  (context: ControllerContext): Reconcile =>
    setup(context, source);

function setup<T extends Replicated>(context: ControllerContext, source: ReplicaSource<T>): Reconcile {
  const sets = context.watch(source.kind, ownKey);
  const ownersOf = ownerKeys(sets, source.selector);
  const pods = context.watch(Pod, (pod, old) => (pod && old && !concernsOwner(pod, old) ? [] : [...new Set([...ownersOf(pod), ...ownersOf(old)])]));
  const ownedPods = indexByController(pods);
  const orphanPods = indexOrphans(pods);
  const siblings = indexByController(sets);
  const pending = new PendingWrites(pods);
  const pendingSelf = new PendingWrites(sets);
  const writer = new PodWriter(context, pending, source.kind);

  async function claim(rs: T): Promise<V1Pod[]> {
    const uid = rs.metadata?.uid ?? '';
    const orphans = orphanPods(rs.metadata?.namespace ?? '').filter((pod) => isPodActive(pod));
    const claims = planClaims(rs, source.selector(rs), [...ownedPods(uid), ...orphans]);
    const owned = await applyClaims(context.api, source.kind, rs, Pod, claims);
    for (const pod of owned) if (claims.adopt.length > 0) pending.wrote(uid, pod);
    return pending.merge(uid, owned);
  }
  /** How many active pods of the same workload are on each node. */
  function crowding(rs: T): (pod: V1Pod) => number {
    const owner = controllerOf(rs);
    const family = owner ? siblings(owner.uid) : [rs];
    const counts = new Map<string, number>();
    for (const pod of family.flatMap((one) => ownedPods(one.metadata?.uid ?? ''))) {
      const node = pod.spec?.nodeName;
      if (node && isPodActive(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return (pod) => counts.get(pod.spec?.nodeName ?? '') ?? 0;
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = sets.get(namespace, name);
    if (!cached) return;
    const rs = pendingSelf.merge(cached.metadata?.uid ?? '', [cached])[0] ?? cached;
    const owned = await claim(rs);
    const active = owned.filter(isPodActive);
    const missing = (rs.spec?.replicas ?? 1) - active.length;
    const leaving = isTerminating(rs);
    let failed: { failure: Failure; error: unknown } | undefined;
    if (missing > 0 && !leaving) failed = await writer.create(rs, Math.min(missing, burst));
    if (missing < 0 && !leaving) failed = await writer.delete(rs, deletionOrder(active, crowding(rs), context.clock.now()).slice(0, Math.min(-missing, burst)));
    const uid = rs.metadata?.uid ?? '';
    const status = replicasStatus(rs, pending.merge(uid, ownedPods(uid)), failed?.failure, context.clock.now(), source.tellsTerminating);
    const written = sameReplicasStatus(rs.status, status) ? rs : await writeStatus(context.api, source.kind, rs, status);
    if (!written) return;
    pendingSelf.wrote(uid, written);
    if (failed) throw failed.error;
    return Math.abs(missing) > burst && !leaving ? 0 : nextAvailable(active, rs.spec?.minReadySeconds ?? 0, context.clock.now());
  };
}

class PodWriter {
  readonly #context: ControllerContext;
  readonly #pending: PendingWrites<V1Pod>;
  readonly #kind: Pick<Kind, 'apiVersion' | 'kind'>;
  constructor(context: ControllerContext, pending: PendingWrites<V1Pod>, kind: Pick<Kind, 'apiVersion' | 'kind'>) {
    this.#context = context;
    this.#pending = pending;
    this.#kind = kind;
  }
  /** Gives the first failure; what was not tried then is left for the next time. */
  async create(rs: Replicated, count: number): Promise<{ failure: Failure; error: unknown } | undefined> {
    const build = podBuilder(rs, this.#kind);
    const uid = rs.metadata?.uid ?? '';
    const error = await inBatches(count, async () => {
      const pod = await this.#context.api.create(Pod, build());
      this.#pending.wrote(uid, pod);
      this.#context.recorder.event(rs, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata?.name ?? ''}`);
    });
    if (error === undefined || isNamespaceTerminating(error)) return undefined;
    const message = (error as Error).message;
    this.#context.recorder.event(rs, 'Warning', 'FailedCreate', `Error creating: ${message}`);
    return { error, failure: { reason: 'FailedCreate', message } };
  }
  async delete(rs: Replicated, pods: readonly V1Pod[]): Promise<{ failure: Failure; error: unknown } | undefined> {
    const uid = rs.metadata?.uid ?? '';
    const error = await inBatches(pods.length, async (i) => {
      const pod = pods[i] as V1Pod;
      await this.#deletePod(pod);
      this.#pending.removed(uid, pod);
      this.#context.recorder.event(rs, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata?.name ?? ''}`);
    });
    if (error === undefined) return undefined;
    const message = (error as Error).message;
    this.#context.recorder.event(rs, 'Warning', 'FailedDelete', `Error deleting: ${message}`);
    return { error, failure: { reason: 'FailedDelete', message } };
  }
  async #deletePod(pod: V1Pod): Promise<void> {
    const { namespace, name = '', uid } = pod.metadata ?? {};
    try {
      await this.#context.api.delete(Pod, { namespace, name }, uid ? { preconditions: { uid } } : {});
    } catch (error) {
      // Gone already, or another pod has the name: either way this one is deleted.
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }
}

/** Pods as the template describes them. */
function podBuilder(rs: Replicated, kind: Pick<Kind, 'apiVersion' | 'kind'>): () => V1Pod {
  const { metadata, spec } = rs.spec?.template ?? {};
  const owner = controllerReference(kind, rs);
  return () => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${rs.metadata?.name ?? ''}-`,
      namespace: rs.metadata?.namespace ?? '',
      ...(metadata?.labels ? { labels: { ...metadata.labels } } : {}),
      ...(metadata?.annotations ? { annotations: { ...metadata.annotations } } : {}),
      ...(metadata?.finalizers ? { finalizers: [...metadata.finalizers] } : {}),
      ownerReferences: [{ ...owner }],
    },
    ...(spec ? { spec: cloneObject(spec) } : {}),
  });
}

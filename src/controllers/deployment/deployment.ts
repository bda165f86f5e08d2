import { Deployment, Pod, ReplicaSet, type V1Deployment, type V1DeploymentStatus, type V1Pod, type V1ReplicaSet } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, ownKey, splitKey, type Controller, type ControllerContext, type Reconcile } from '../controller.ts';
import { applyClaims, controllerOf, ownerKeys, planClaims } from '../ownership.ts';
import { PendingWrites } from '../pending.ts';
import { indexByController, indexOrphans, isPodTerminal } from '../pods.ts';
import { templatesEqual } from './hash.ts';
import { annotation } from './numbers.ts';
import { planDeployment, type DeploymentPlan, type ReplicaSetWrite } from './plan.ts';
import { condition, progressing, setCondition } from './status.ts';

/** Rolls Deployments out through ReplicaSets. */
export const deploymentController: Controller = { name: 'deployment', component: 'deployment-controller', setup };

function setup(context: ControllerContext): Reconcile {
  const deployments = context.watch(Deployment, ownKey);
  const ownersOf = ownerKeys(deployments, (d) => d.spec?.selector);
  const sets = context.watch(ReplicaSet, (object, old) => [...new Set([...ownersOf(object), ...ownersOf(old)])]);
  const pods = context.watch(Pod, (object, old) => (object === undefined && old ? recreateKeys(old) : []));
  const ownedSets = indexByController(sets);
  const orphanSets = indexOrphans(sets);
  const podsOf = indexByController(pods);
  const pendingSets = new PendingWrites(sets);
  const pendingSelf = new PendingWrites(deployments);

  /** Recreate waits for the last old pod. */
  function recreateKeys(pod: V1Pod): string[] {
    const ref = controllerOf(pod);
    const set = ref?.kind === 'ReplicaSet' ? sets.get(pod.metadata?.namespace, ref.name) : undefined;
    return ownersOf(set).filter((key) => {
      const { namespace, name } = splitKey(key);
      return deployments.get(namespace, name)?.spec?.strategy?.type === 'Recreate';
    });
  }
  function podsRemain(all: readonly V1ReplicaSet[], current: V1ReplicaSet | undefined): boolean {
    return all.some((rs) => rs.metadata?.uid !== current?.metadata?.uid && podsOf(rs.metadata?.uid ?? '').some((pod) => !isPodTerminal(pod)));
  }

  return async (key) => {
    const { namespace, name } = splitKey(key);
    const cached = deployments.get(namespace, name);
    if (!cached) return;
    const uid = cached.metadata?.uid ?? '';
    const deployment = pendingSelf.merge(uid, [cached])[0] ?? cached;
    if (isEmptySelector(deployment)) return selectsAll(context, deployment);
    const known = pendingSets.merge(uid, ownedSets(uid));
    const claims = planClaims(deployment, deployment.spec?.selector, [
      ...known,
      ...orphanSets(namespace ?? '').filter((rs) => !known.some((k) => k.metadata?.uid === rs.metadata?.uid)),
    ]);
    const replicaSets = await applyClaims(context.api, Deployment, deployment, ReplicaSet, claims);
    const plan = planDeployment({ deployment, replicaSets, oldPodsRunning: (current) => podsRemain(replicaSets, current), now: context.clock.now() });
    const written = await new Shell(
      context,
      deployment,
      (rs) => pendingSets.wrote(uid, rs),
      (rs) => pendingSets.removed(uid, rs),
    ).apply(plan);
    pendingSelf.wrote(uid, written);
    return plan.requeueAfterMs;
  };
}

const isEmptySelector = (d: V1Deployment): boolean =>
  Object.keys(d.spec?.selector.matchLabels ?? {}).length === 0 && (d.spec?.selector.matchExpressions ?? []).length === 0;

async function selectsAll(context: ControllerContext, d: V1Deployment): Promise<void> {
  context.recorder.event(d, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
  if ((d.status?.observedGeneration ?? 0) >= (d.metadata?.generation ?? 0)) return;
  await context.api.update(Deployment, { ...d, status: { ...d.status, observedGeneration: d.metadata?.generation ?? 0 } }, { subresource: 'status' });
}

/** Carries a plan out. */
class Shell {
  readonly #context: ControllerContext;
  readonly #wrote: (rs: V1ReplicaSet) => void;
  readonly #removed: (rs: V1ReplicaSet) => void;
  #deployment: V1Deployment;

  constructor(context: ControllerContext, deployment: V1Deployment, wrote: (rs: V1ReplicaSet) => void, removed: (rs: V1ReplicaSet) => void) {
    this.#context = context;
    this.#deployment = deployment;
    this.#wrote = wrote;
    this.#removed = removed;
  }
  async apply(plan: DeploymentPlan): Promise<V1Deployment> {
    for (const write of plan.writes) {
      await this.#write(write);
      if (write.scaling) this.#context.recorder.event(this.#deployment, 'Normal', 'ScalingReplicaSet', write.scaling);
    }
    if (plan.revision !== undefined) await this.#annotate(plan.revision);
    if (plan.status) await this.#putStatus(plan.status);
    return this.#deployment;
  }
  async #write({ type, replicaSet }: ReplicaSetWrite): Promise<void> {
    const { namespace, name = '', uid, resourceVersion } = replicaSet.metadata ?? {};
    if (type === 'create') return this.#create(replicaSet);
    if (type === 'update') return this.#wrote(await this.#context.api.update(ReplicaSet, replicaSet));
    await this.#context.api.delete(
      ReplicaSet,
      { namespace, name },
      { preconditions: { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) }, propagationPolicy: 'Background' },
    );
    this.#removed(replicaSet);
  }
  async #create(replicaSet: V1ReplicaSet): Promise<void> {
    try {
      this.#wrote(await this.#context.api.create(ReplicaSet, replicaSet));
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) return this.#collide(replicaSet, error);
      if (isNamespaceTerminating(error)) throw error;
      await this.#refused(replicaSet, error as Error);
      throw error;
    }
  }
  /** The name is taken: by our own earlier try, or by another template with the same hash. */
  async #collide(replicaSet: V1ReplicaSet, error: Error): Promise<void> {
    const { namespace, name = '' } = replicaSet.metadata ?? {};
    const present = await this.#context.api.get(ReplicaSet, { namespace, name });
    if (controllerOf(present)?.uid === this.#deployment.metadata?.uid && templatesEqual(present.spec?.template, replicaSet.spec?.template))
      return this.#wrote(present);
    const status = this.#deployment.status ?? {};
    await this.#putStatus({ ...status, collisionCount: (status.collisionCount ?? 0) + 1 });
    throw error;
  }
  async #refused(replicaSet: V1ReplicaSet, error: Error): Promise<void> {
    const message = `Failed to create new replica set "${replicaSet.metadata?.name ?? ''}": ${error.message}`;
    this.#context.recorder.event(this.#deployment, 'Warning', progressing.refused, message);
    const status: V1DeploymentStatus = { ...this.#deployment.status };
    setCondition(status, condition('Progressing', 'False', progressing.refused, message, this.#context.clock.now()));
    await this.#putStatus(status);
  }
  async #annotate(revision: string): Promise<void> {
    const { namespace, name = '' } = this.#deployment.metadata ?? {};
    this.#deployment = await this.#context.api.patch(Deployment, { namespace, name }, 'application/merge-patch+json', {
      metadata: { annotations: { [annotation.revision]: revision } },
    });
  }
  async #putStatus(status: V1DeploymentStatus): Promise<void> {
    this.#deployment = await this.#context.api.update(Deployment, { ...this.#deployment, status }, { subresource: 'status' });
  }
}

import { formatTime } from '#base';
import { APIService, initialNamespaces, Namespace, Pod, type V1APIService, type V1Namespace, type V1NamespaceCondition } from '#kinds';
import { ApiError, isApiError, type Kind, type KubeObject } from '#machinery';
import { ownKey, type Controller, type ControllerContext } from './controller.ts';

const finalizer = 'kubernetes';
/** How soon content that takes its time (pods that end, finalizers of others) is looked at again, ms; longer each time that nothing has changed. */
const lookAgainMs = 250;
const longestLookMs = 15_000;

/** Makes the namespaces that every cluster has, and empties the ones that are being deleted. */
export const namespaceController: Controller = {
  name: 'namespace',
  component: 'namespace-controller',
  concurrency: 10,
  setup(context) {
    const namespaces = context.watch(Namespace, ownKey);
    context.watch(Pod, (pod, old) =>
      pod === undefined && old && namespaces.get(undefined, old.metadata?.namespace ?? '')?.metadata?.deletionTimestamp ? [old.metadata?.namespace ?? ''] : [],
    );
    const services = context.informer(APIService);
    for (const name of initialNamespaces) context.enqueue(name);
    /** What was left of a namespace the last time, and how long that was waited for. */
    const waits = new Map<string, { left: string; ms: number }>();

    return async (name) => {
      const namespace = namespaces.get(undefined, name);
      if (!namespace) waits.delete(name);
      if (!namespace) return initialNamespaces.includes(name) ? create(context, name) : undefined;
      if (!namespace.metadata?.deletionTimestamp) return;
      const left = await terminate(context, namespace, services.list());
      if (left === undefined) return void waits.delete(name);
      const before = waits.get(name);
      const ms = before?.left === left ? Math.min(before.ms * 2, longestLookMs) : lookAgainMs;
      waits.set(name, { left, ms });
      return ms;
    };
  },
};

async function create(context: ControllerContext, name: string): Promise<void> {
  try {
    await context.api.create(Namespace, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: [finalizer] },
    });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}

interface Leftover {
  /** Such as `pods.` or `deployments.apps`. */
  resource: string;
  objects: readonly KubeObject[];
}

/** What is still there, in short; undefined when the namespace is empty and may go. */
async function terminate(context: ControllerContext, cached: V1Namespace, services: readonly V1APIService[]): Promise<string | undefined> {
  const name = cached.metadata?.name ?? '';
  const errors: Error[] = [];
  const left = await deleteContent(context, name, errors);
  const unknown = silentGroups(services);
  const namespace = await writeStatus(context, cached, conditionsOf(cached, { left, errors, unknown }, formatTime(context.clock.now())));
  if (!namespace) return undefined;
  if (errors.length > 0) throw errors[0] as Error;
  if (left.length > 0) return left.map(({ resource, objects }) => `${resource} ${objects.length}`).join();
  if (unknown.length > 0) return unknown.join();
  await finalize(context, namespace);
  return undefined;
}
/** Groups of aggregated servers that do not answer: nobody knows what they keep in the namespace. */
function silentGroups(services: readonly V1APIService[]): string[] {
  const silent = services.filter(
    ({ spec, status }) => spec?.service !== undefined && !status?.conditions?.some((c) => c.type === 'Available' && c.status === 'True'),
  );
  return silent.map(({ spec }) => `${spec?.group ?? ''}/${spec?.version ?? ''}`).sort();
}

/** Pods first, so that nothing they need is taken from under them; then the rest. Gives what is still there. */
async function deleteContent(context: ControllerContext, namespace: string, errors: Error[]): Promise<Leftover[]> {
  const pods = await deleteKind(context, Pod, namespace, errors);
  if (pods.length > 0) return pods;
  const others = context.client.kinds
    .resources()
    .filter((kind) => kind.namespaced && kind.kind !== 'Pod' && kind.verbs.includes('list') && kind.verbs.includes('delete'));
  return (await Promise.all(others.map((kind) => deleteKind(context, kind, namespace, errors)))).flat();
}
async function deleteKind<T extends KubeObject>(context: ControllerContext, kind: Kind<T>, namespace: string, errors: Error[]): Promise<Leftover[]> {
  try {
    const before = (await context.api.list(kind, { namespace })).items;
    if (before.length === 0) return [];
    if (before.some((object) => object.metadata?.deletionTimestamp === undefined))
      await context.api.deleteCollection(kind, { namespace }, { propagationPolicy: 'Background' });
    const objects = (await context.api.list(kind, { namespace })).items;
    return objects.length > 0 ? [{ resource: `${kind.plural}.${kind.group}`, objects }] : [];
  } catch (error) {
    errors.push(error instanceof Error ? error : new ApiError('InternalError', String(error)));
    return [];
  }
}

/** The namespace as written; undefined when it is gone. */
async function writeStatus(context: ControllerContext, namespace: V1Namespace, conditions: V1NamespaceCondition[]): Promise<V1Namespace | undefined> {
  if (namespace.status?.phase === 'Terminating' && JSON.stringify(conditions) === JSON.stringify(namespace.status.conditions ?? [])) return namespace;
  try {
    return await context.api.update(Namespace, { ...namespace, status: { ...namespace.status, phase: 'Terminating', conditions } }, { subresource: 'status' });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}
async function finalize(context: ControllerContext, namespace: V1Namespace): Promise<void> {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((f) => f !== finalizer);
  if (finalizers.length === (namespace.spec?.finalizers ?? []).length) return;
  try {
    await context.api.update(Namespace, { ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

interface Blockers {
  left: readonly Leftover[];
  errors: readonly Error[];
  unknown: readonly string[];
}

/** The five conditions by which a namespace tells what it waits for. (Kubernetes: namespace/deletion/status_condition_utils.go.) */
function conditionsOf(namespace: V1Namespace, { left, errors, unknown }: Blockers, now: string): V1NamespaceCondition[] {
  const instances = left.map(({ resource, objects }) => `${resource} has ${objects.length} resource instances`).sort();
  const finalizers = new Map<string, number>();
  for (const object of left.flatMap((l) => l.objects)) for (const f of object.metadata?.finalizers ?? []) finalizers.set(f, (finalizers.get(f) ?? 0) + 1);
  const waiting = [...finalizers].map(([f, count]) => `${f} in ${count} resource instances`).sort();
  const wanted: Omit<V1NamespaceCondition, 'lastTransitionTime'>[] = [
    unknown.length > 0
      ? {
          type: 'NamespaceDeletionDiscoveryFailure',
          status: 'True',
          reason: 'DiscoveryFailed',
          message: `Discovery failed for some groups, ${unknown.length} failing: unable to retrieve the complete list of server APIs: ${unknown.map((g) => `${g}: stale GroupVersion discovery: ${g}`).join(', ')}`,
        }
      : { type: 'NamespaceDeletionDiscoveryFailure', status: 'False', reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      status: 'False',
      reason: 'ParsedGroupVersions',
      message: 'All legacy kube types successfully parsed',
    },
    errors.length > 0
      ? {
          type: 'NamespaceDeletionContentFailure',
          status: 'True',
          reason: 'ContentDeletionFailed',
          message: `Failed to delete all resource types, ${errors.length} remaining: ${errors.map((e) => e.message).join(', ')}`,
        }
      : {
          type: 'NamespaceDeletionContentFailure',
          status: 'False',
          reason: 'ContentDeleted',
          message: 'All content successfully deleted, may be waiting on finalization',
        },
    instances.length > 0
      ? { type: 'NamespaceContentRemaining', status: 'True', reason: 'SomeResourcesRemain', message: `Some resources are remaining: ${instances.join(', ')}` }
      : { type: 'NamespaceContentRemaining', status: 'False', reason: 'ContentRemoved', message: 'All content successfully removed' },
    waiting.length > 0
      ? {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          reason: 'SomeFinalizersRemain',
          message: `Some content in the namespace has finalizers remaining: ${waiting.join(', ')}`,
        }
      : { type: 'NamespaceFinalizersRemaining', status: 'False', reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
  ];
  return wanted.map((next) => {
    const present = namespace.status?.conditions?.find((c) => c.type === next.type);
    const { type, status, reason, message } = next;
    return {
      lastTransitionTime: present?.status === status ? (present.lastTransitionTime ?? now) : now,
      message: message ?? '',
      reason: reason ?? '',
      status,
      type,
    };
  });
}

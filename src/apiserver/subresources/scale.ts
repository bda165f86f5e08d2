import {
  ApiError,
  applyPatch,
  badRequest,
  cloneObject,
  invalid,
  jsonPatch,
  mergePatch,
  schemaView,
  type Json,
  type Kind,
  type KubeObject,
  type ScaleRules,
} from '#machinery';
import type { SubresourceHandler, SubresourceRequest } from '../types.ts';

interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas: number; selector?: string };
}

/** autoscaling/v1 Scale of every kind that declares where its replicas are. */
export function scale(): SubresourceHandler {
  return {
    name: 'scale',
    verbs: ['get', 'update', 'patch'],
    handles: (kind) => kind.scale !== undefined,
    async handle(request) {
      const rules = request.kind.scale as ScaleRules<KubeObject>;
      if (request.verb === 'get') return scaleOf(rules, found(request));
      const { kind, key, context, writer } = request;
      const apply = request.patch?.type === 'application/apply-patch+yaml';
      const updated = await writer.modify(kind, key, context, 'scale', (current) => (apply ? applied : change)(request, rules, current), apply);
      return scaleOf(rules, updated);
    },
  };
}

function found({ writer, kind, key }: SubresourceRequest): KubeObject {
  const object = writer.get(kind.group, kind.plural, key.namespace, key.name);
  if (!object)
    throw new ApiError('NotFound', `${kind.group ? `${kind.plural}.${kind.group}` : kind.plural} ${JSON.stringify(key.name)} not found`, {
      name: key.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.plural,
    });
  return object;
}
/** What `scale` shows of an object. */
export function scaleOf(rules: ScaleRules<KubeObject>, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata ?? {};
  const metadata = JSON.parse(JSON.stringify({ name, namespace, uid, resourceVersion, creationTimestamp })) as NonNullable<KubeObject['metadata']>;
  const selector = rules.selector(object);
  const out: Scale = {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { replicas: numberAt(object, rules.specReplicas) },
    status: { replicas: numberAt(object, rules.statusReplicas), ...(selector ? { selector } : {}) },
  };
  return out;
}
function change(request: SubresourceRequest, rules: ScaleRules<KubeObject>, current: KubeObject): KubeObject {
  const wanted = request.verb === 'update' ? (request.body as Scale) : patched(request, scaleOf(rules, current));
  const replicas = wanted.spec?.replicas ?? 0;
  check(request.kind, request.key.name, wanted, replicas);
  const next = cloneObject(current);
  const { uid, resourceVersion } = wanted.metadata ?? {};
  Object.assign(next.metadata ?? {}, uid ? { uid } : {}, { resourceVersion: resourceVersion ?? '' });
  setAt(next, rules.specReplicas, replicas);
  return next;
}
function patched({ patch }: SubresourceRequest, current: KubeObject): Scale {
  const { type, body } = patch as { type: string; body: Json };
  if (type === 'application/json-patch+json') return jsonPatch(current as Json, body) as Scale;
  if (type === 'application/merge-patch+json' || type === 'application/strategic-merge-patch+json') return mergePatch(current as Json, body) as Scale;
  throw new ApiError('UnsupportedMediaType', `the patch type ${type} is not known`);
}
/**
 * What a Scale configures is the replica field of the object itself: it is applied there, and its managers are
 * recorded there under the subresource (the ScaleHandler of kube-apiserver).
 */
function applied(request: SubresourceRequest, rules: ScaleRules<KubeObject>, current: KubeObject): KubeObject {
  const { kind, key, context, writer, patch } = request;
  const config = (patch?.body ?? null) as Scale | null;
  if (config === null || typeof config !== 'object' || config.kind !== 'Scale' || config.apiVersion !== 'autoscaling/v1')
    throw badRequest('the apply configuration of the scale subresource must be a Scale of autoscaling/v1');
  const replicas = config.spec?.replicas ?? 0;
  check(kind, key.name, config, replicas);
  const own = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: key.name } };
  if (config.spec?.replicas !== undefined) setAt(own, rules.specReplicas, replicas);
  const next = applyPatch({
    live: current,
    patch: own,
    manager: context.fieldManager,
    force: patch?.force,
    apiVersion: kind.apiVersion,
    now: writer.clock.now(),
    schema: kind.shape?.patchSchema ?? schemaView(writer.schemas),
    type: kind.schema,
    subresource: 'scale',
  });
  const { uid, resourceVersion } = config.metadata ?? {};
  Object.assign(next.metadata ?? {}, uid ? { uid } : {}, { resourceVersion: resourceVersion ?? '' });
  return next;
}
function check(kind: Kind, name: string, wanted: Scale, replicas: number): void {
  if (wanted.metadata?.name && wanted.metadata.name !== name)
    throw badRequest(`the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`);
  if (typeof replicas !== 'number' || !Number.isInteger(replicas))
    throw badRequest(
      `Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal ${typeof replicas} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  if (replicas < 0)
    throw invalid({ group: 'autoscaling', plural: kind.plural, kind: 'Scale' }, name, [
      { field: 'spec.replicas', reason: 'FieldValueInvalid', message: `Invalid value: ${replicas}: must be greater than or equal to 0` },
    ]);
}
function numberAt(object: KubeObject, path: readonly string[]): number {
  let at: unknown = object;
  for (const step of path) at = (at as Record<string, unknown> | undefined)?.[step];
  return typeof at === 'number' ? at : 0;
}
/** A path inside an object gets a value. */
export function setAt(object: KubeObject, path: readonly string[], value: number): void {
  let at = object as Record<string, unknown>;
  for (const step of path.slice(0, -1)) at = (at[step] ??= {}) as Record<string, unknown>;
  at[path.at(-1) as string] = value;
}

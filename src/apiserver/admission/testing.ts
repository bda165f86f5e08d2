/** For tests of admission steps: objects in memory, and requests as the registry makes them. */
import { defineKind, type Kind, type KubeObject } from '#machinery';
import { admin } from '../test-support.ts';
import type { AdmissionPlugin, AdmissionRequest, KindReader, ObjectReader } from '../types.ts';

export const kindOf = (group: string, kind: string, plural: string, namespaced = true): Kind =>
  defineKind({ group, version: 'v1', kind, plural, namespaced, schema: `V1${kind}` });
export const Pods = kindOf('', 'Pod', 'pods');
export const Claims = kindOf('', 'PersistentVolumeClaim', 'persistentvolumeclaims');

/** Objects by group, plural, namespace and name. */
export function objects(...held: readonly [kind: Kind, object: KubeObject][]): ObjectReader {
  const of = (group: string, plural: string): KubeObject[] =>
    held.filter(([kind]) => kind.group === group && kind.plural === plural).map(([, object]) => object);
  return {
    get: (group, plural, namespace, name) => of(group, plural).find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace),
    list: (group, plural, namespace) => of(group, plural).filter(({ metadata }) => namespace === undefined || metadata?.namespace === namespace),
    observe: () => {},
  };
}

export function requestOf(kind: Kind, object: KubeObject, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    operation: more.old ? 'UPDATE' : 'CREATE',
    kind,
    subresource: undefined,
    namespace: object.metadata?.namespace,
    name: object.metadata?.name ?? '',
    object,
    old: undefined,
    context: { user: admin, dryRun: false, fieldManager: 'test', track: false, warnings: [] },
    ...more,
  };
}
/** Runs a plugin over a request; gives the object, or the text of the refusal. */
export async function admit(plugin: AdmissionPlugin, reader: ObjectReader, request: AdmissionRequest): Promise<KubeObject | string> {
  plugin.start?.(reader as KindReader);
  if (!(plugin.operations ?? ['CREATE', 'UPDATE']).includes(request.operation)) return request.object;
  try {
    await plugin.mutate?.(request);
    await plugin.validate?.(request);
    return request.object;
  } catch (error) {
    return (error as Error).message;
  }
}

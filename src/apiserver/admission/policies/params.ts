import { labelSelectorMatcher, type Kind, type KubeObject } from '#machinery';
import type { AdmissionRequest, KindReader } from '../../types.ts';
import type { ParamRef, PolicySpec } from './types.ts';

/** The policy itself cannot work, whatever it is bound to. */
export class PolicyFault extends Error {}

/** The objects that a binding's paramRef means; [null] without one. Throws Error, or PolicyFault. */
export function paramsOf(
  { paramKind }: PolicySpec,
  paramRef: ParamRef | undefined,
  request: AdmissionRequest,
  reader: KindReader,
): readonly (KubeObject | null)[] {
  if (!paramKind) return [null];
  const kind = reader.kinds.find((candidate) => candidate.apiVersion === paramKind.apiVersion && candidate.kind === paramKind.kind);
  if (!kind) throw new PolicyFault(`failed to find resource referenced by paramKind: '${paramKind.apiVersion}, Kind=${paramKind.kind}'`);
  if (!paramRef) return [null];
  const found = find(kind, paramRef, namespaceFor(kind, paramRef, request), reader);
  if (found.length === 0 && paramRef.parameterNotFoundAction === 'Deny')
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  return found;
}
function namespaceFor(kind: Kind, paramRef: ParamRef, request: AdmissionRequest): string | undefined {
  if (!kind.namespaced) {
    if (paramRef.namespace) throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
    return undefined;
  }
  const namespace = paramRef.namespace || request.namespace;
  if (!namespace) throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  return namespace;
}
function find(kind: Kind, { name, selector }: ParamRef, namespace: string | undefined, reader: KindReader): KubeObject[] {
  if (name) {
    const object = reader.get(kind.group, kind.plural, namespace, name);
    return object ? [object] : [];
  }
  const matches = labelSelectorMatcher(selector ?? {});
  return reader.list(kind.group, kind.plural, namespace).filter((object) => matches(object.metadata?.labels));
}

import type { KindSource } from '#client';
import type { V2CrossVersionObjectReference } from '#kinds';
import { ApiError, type Api, type Kind, type KubeObject } from '#machinery';

/** What an autoscaler scales, as its scale subresource shows it. */
export interface Scale {
  readonly kind: Kind;
  readonly object: KubeObject;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** Empty where the kind says none. */
  readonly selector: string;
}

/** Throws with the words that kube-controller-manager has for it. */
export async function readScale(
  api: Api,
  kinds: KindSource,
  namespace: string,
  { apiVersion = '', kind, name }: V2CrossVersionObjectReference,
): Promise<Scale> {
  const parts = apiVersion.split('/');
  if (parts.length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
  const group = parts.length === 2 ? (parts[0] as string) : '';
  const found = kinds.resources().find((one) => one.kind === kind && one.group === group);
  if (!found) throw new Error(`no matches for kind "${kind}" in group "${group}"`);
  const { scale } = found;
  if (!scale) throw new ApiError('NotFound', 'the server could not find the requested resource');
  const object = await api.get(found, { namespace, name });
  return {
    kind: found,
    object,
    specReplicas: numberAt(object, scale.specReplicas),
    statusReplicas: numberAt(object, scale.statusReplicas),
    selector: scale.selector(object),
  };
}
/** Refused when the object has changed since it was read. */
export async function writeScale(api: Api, namespace: string, { kind, object }: Scale, replicas: number): Promise<void> {
  const { name = '', resourceVersion } = object.metadata ?? {};
  const patch = { metadata: resourceVersion ? { resourceVersion } : {}, spec: { replicas } };
  await api.patch(kind, { namespace, name }, 'application/merge-patch+json', patch, { subresource: 'scale' });
}
function numberAt(object: KubeObject, path: readonly string[]): number {
  let at: unknown = object;
  for (const step of path) at = (at as Record<string, unknown> | undefined)?.[step];
  return typeof at === 'number' ? at : 0;
}

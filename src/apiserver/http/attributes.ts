import { fieldSelectorValue, labelRequirements, splitFieldSelector, type UserInfo } from '#machinery';
import type { Attributes, Selectors } from '../types.ts';
import type { RequestInfo } from './request-info.ts';

/** What authorizers are asked about a request (kube-apiserver's RequestInfo and Attributes). */
export function attributesOf(info: RequestInfo, user: UserInfo): Attributes {
  const at = info.resource;
  if (!at) return { user, verb: info.verb, resource: false, group: '', version: '', plural: '', subresource: '', namespace: '', name: '', path: info.path };
  const { group, version, plural, subresource } = at;
  const whole = { user, verb: info.verb, resource: true, group, version, plural, subresource, namespace: namespaceOf(info), name: at.name, path: info.path };
  const { query } = info;
  return query && !at.name && !subresource && (query.has('fieldSelector') || query.has('labelSelector')) ? limited(whole, query) : whole;
}
/** Everything about one namespace is in it, the Namespace object too: who may get `namespaces` there may get that one. */
function namespaceOf({ resource }: RequestInfo): string {
  return resource?.group === '' && resource.plural === 'namespaces' && resource.name ? resource.name : (resource?.namespace ?? '');
}

/** A list of one name is about that name. */
function limited(whole: Attributes, query: URLSearchParams): Attributes {
  if (whole.verb !== 'list' && whole.verb !== 'watch' && whole.verb !== 'deletecollection') return whole;
  const fieldSelector = query.get('fieldSelector') ?? '';
  const name = whole.verb === 'deletecollection' ? undefined : fieldSelectorValue(fieldSelector, 'metadata.name');
  return { ...whole, ...(name ? { name } : {}), selectors: selectorsOf(fieldSelector, query.get('labelSelector') ?? '') };
}
function selectorsOf(fieldSelector: string, labelSelector: string): Selectors {
  const fields = splitFieldSelector(fieldSelector).map(({ key, operator, value }) => ({
    key,
    operator: operator === '=' ? ('In' as const) : ('NotIn' as const),
    value,
  }));
  try {
    return { fields, labels: labelRequirements(labelSelector) };
  } catch {
    return { fields, labels: [] };
  }
}

import { ApiError } from '#machinery';
import type { Attributes } from '../types.ts';

/** The words of kube-apiserver's Forbidden. */
export function forbidden(attributes: Attributes, reason = ''): ApiError {
  const tail = reason ? `: ${reason}` : '';
  const { user, verb, group, plural, subresource, namespace, name, path } = attributes;
  const who = JSON.stringify(user.username);
  if (!attributes.resource) return new ApiError('Forbidden', `forbidden: User ${who} cannot ${verb} path ${JSON.stringify(path)}${tail}`, {});
  const what = subresource ? `${plural}/${subresource}` : plural;
  const where = namespace ? ` in the namespace ${JSON.stringify(namespace)}` : ' at the cluster scope';
  const qualified = group ? `${plural}.${group}` : plural;
  const subject = name ? `${qualified} ${JSON.stringify(name)}` : qualified;
  const details = { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: plural };
  return new ApiError(
    'Forbidden',
    `${subject} is forbidden: User ${who} cannot ${verb} resource ${JSON.stringify(what)} in API group ${JSON.stringify(group)}${where}${tail}`,
    details,
  );
}

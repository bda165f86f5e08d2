import { ApiError } from '#machinery';
import type { Attributes, Authorizer } from '../types.ts';

/** What everyone may read, known or not (system:public-info-viewer). */
const publicPaths = new Set(['/healthz', '/livez', '/readyz', '/version', '/version/']);
/** What every authenticated user may read (system:discovery and system:service-account-issuer-discovery). */
const openPaths = ['/api', '/apis', '/openapi', '/healthz', '/livez', '/readyz', '/version', '/openid/v1/jwks', '/.well-known/openid-configuration'];
/** What every authenticated user may ask about himself (system:basic-user). */
const selfReviews = new Set([
  'authorization.k8s.io/selfsubjectaccessreviews',
  'authorization.k8s.io/selfsubjectrulesreviews',
  'authentication.k8s.io/selfsubjectreviews',
]);

/** system:masters may do everything, other authenticated users may discover, anyone may ask for health and version. */
export const basicAuthorizer: Authorizer = {
  authorize({ user, verb, resource, path, group, plural }) {
    if (user.groups.includes('system:masters')) return { allowed: true };
    const authenticated = user.groups.includes('system:authenticated');
    if (resource) return { allowed: authenticated && verb === 'create' && selfReviews.has(`${group}/${plural}`) };
    if (verb !== 'get' && verb !== 'head') return { allowed: false };
    return { allowed: isPublic(path) || (authenticated && openPaths.some((open) => path === open || path.startsWith(`${open}/`))) };
  },
};
function isPublic(path: string): boolean {
  return publicPaths.has(path) || path.startsWith('/livez/') || path.startsWith('/readyz/') || path.startsWith('/healthz/');
}

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

import type { Attributes, Authorizer } from '../../types.ts';
import { nodeRules } from '../rbac/bootstrap/node-rules.ts';
import { allows } from '../rbac/rules.ts';
import type { NodeGraph } from './graph.ts';
import { nodeOf } from './identity.ts';
import type { References } from './references.ts';

type Verdict = { readonly allowed: boolean; readonly reason?: string };
type Rule = (node: string, request: Attributes) => Verdict;

const yes: Verdict = { allowed: true };
const no = (reason?: string): Verdict => ({ allowed: false, ...(reason ? { reason } : {}) });
const leaseNamespace = 'kube-node-lease';
const objectVerbs = ['get', 'create', 'update', 'patch', 'delete'];

/**
 * Lets each kubelet do what ClusterRole system:node says, and read no more than what concerns the pods of its own
 * node ("Using Node Authorization").
 */
export function nodeAuthorizer(graph: NodeGraph): Authorizer {
  const rules = rulesOver(graph);
  return {
    start: (reader) => graph.start(reader),
    authorize(request) {
      const node = nodeOf(request.user);
      if (node === undefined) return no();
      if (node === '') return no(`unknown node for user ${JSON.stringify(request.user.username)}`);
      const rule = request.resource ? rules[`${request.group}/${request.plural}`] : undefined;
      if (rule) return rule(node, request);
      return nodeRules.some((candidate) => allows(candidate, request)) ? yes : no();
    },
    rulesFor(user) {
      return { rules: [], ...(nodeOf(user) === undefined ? {} : { incomplete: 'node authorizer does not support user rule resolution' }) };
    },
  };
}

function rulesOver(graph: NodeGraph): Readonly<Record<string, Rule>> {
  const unrelated = (node: string): Verdict => no(`no relationship found between node '${node}' and this object`);
  const named = (node: string, { name }: Attributes, related: () => boolean): Verdict =>
    name === '' ? no('No Object name found') : related() ? yes : unrelated(node);
  const refers = (node: string, request: Attributes, what: keyof References): Verdict =>
    named(node, request, () => graph.refers(node, what, request.namespace, request.name));

  const readable =
    (what: keyof References): Rule =>
    (node, request) => {
      if (!['get', 'list', 'watch'].includes(request.verb)) return no('can only read resources of this type');
      if (request.subresource) return no('cannot read subresource');
      if (!request.namespace) return no('can only read namespaced object of this type');
      return refers(node, request, what);
    };
  const gettable =
    (related: (node: string, request: Attributes) => boolean): Rule =>
    (node, request) => {
      if (request.verb !== 'get') return no('can only get individual resources of this type');
      if (request.subresource) return no('cannot get subresource');
      return named(node, request, () => related(node, request));
    };
  const claimGet = gettable((node, { namespace, name }) => graph.refers(node, 'persistentvolumeclaims', namespace, name));
  return {
    '/secrets': readable('secrets'),
    '/configmaps': readable('configmaps'),
    '/persistentvolumeclaims'(node, request) {
      if (request.subresource !== 'status') return claimGet(node, request);
      return request.verb === 'update' || request.verb === 'patch'
        ? refers(node, request, 'persistentvolumeclaims')
        : no('can only get/update/patch this type');
    },
    '/persistentvolumes': gettable((node, { name }) => graph.uses(node, name)),
    'resource.k8s.io/resourceclaims': gettable((node, { namespace, name }) => graph.refers(node, 'resourceclaims', namespace, name)),
    'storage.k8s.io/volumeattachments': gettable((node, { name }) => graph.belongs(node, 'storage.k8s.io', 'volumeattachments', name)),
    '/serviceaccounts'(node, request) {
      if (request.verb === 'get' && !request.subresource) return refers(node, request, 'serviceaccounts');
      if (request.verb !== 'create' || !request.name) return no('can only create tokens for individual service accounts');
      if (request.subresource !== 'token') return no('can only create token subresource of serviceaccount');
      return refers(node, request, 'serviceaccounts');
    },
    'coordination.k8s.io/leases': lease,
    'storage.k8s.io/csinodes': csiNode,
    '/nodes': ownNode,
    '/pods'(node, request) {
      const { verb, subresource, namespace, name } = request;
      if (subresource === 'status') return verb === 'update' || verb === 'patch' ? yes : no();
      if (subresource === 'eviction') return verb === 'create' ? yes : no();
      if (subresource) return no();
      if (verb === 'create' || verb === 'delete') return yes;
      if (verb === 'list' || verb === 'watch') return selects(request, node) ? yes : no('can only list/watch pods with spec.nodeName field selector');
      return verb === 'get' ? named(node, request, () => graph.runs(node, namespace, name)) : no();
    },
    'resource.k8s.io/resourceslices'(node, request) {
      const { verb, subresource, name } = request;
      if (subresource) return no('cannot authorize ResourceSlice subresources');
      if (verb === 'create') return yes;
      if (verb === 'list' || verb === 'watch' || verb === 'deletecollection')
        return selects(request, node) ? yes : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
      if (!objectVerbs.includes(verb))
        return no('only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection');
      return named(node, request, () => graph.belongs(node, 'resource.k8s.io', 'resourceslices', name));
    },
  };
}

function selects({ selectors }: Attributes, node: string): boolean {
  return selectors?.fields.some(({ key, operator, value }) => key === 'spec.nodeName' && operator === 'In' && value === node) ?? false;
}
/** Names of what is being made are not known yet: NodeRestriction looks at them. */
function lease(node: string, { verb, namespace, name }: Attributes): Verdict {
  if (!objectVerbs.includes(verb)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== leaseNamespace) return no(`can only access leases in the ${JSON.stringify(leaseNamespace)} system namespace`);
  return verb === 'create' || name === node ? yes : no('can only access node lease with the same name as the requesting node');
}
function csiNode(node: string, { verb, subresource, name }: Attributes): Verdict {
  if (!objectVerbs.includes(verb)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource) return no('cannot authorize CSINode subresources');
  return verb === 'create' || name === node ? yes : no('can only access CSINode with the same name as the requesting node');
}
function ownNode(node: string, { verb, subresource, name }: Attributes): Verdict {
  if (subresource === 'status') return verb === 'update' || verb === 'patch' ? yes : no();
  if (subresource) return no();
  if (verb === 'create' || verb === 'update' || verb === 'patch') return yes;
  if (verb !== 'get' && verb !== 'list' && verb !== 'watch') return no();
  if (name === node) return yes;
  return no(name ? `node '${node}' cannot read '${name}', only its own Node object` : `node '${node}' cannot read all nodes, only its own Node object`);
}

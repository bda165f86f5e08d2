import { ApiError, cloneObject, type KubeObject } from '#machinery';
import { nodeOf } from '../auth/node/identity.ts';
import { referencesOf, type Pod } from '../auth/node/references.ts';
import { signerNames } from '../auth/signers.ts';
import { parseCertificateRequest } from '../pki/csr.ts';
import type { AdmissionPlugin, AdmissionRequest, ObjectReader } from '../types.ts';
import type { SigningRequest } from './certificates.ts';

type Check = (node: string, request: AdmissionRequest, reader: ObjectReader) => string | undefined | void;
interface Node extends KubeObject {
  spec?: { taints?: unknown; configSource?: unknown };
}
const mirror = 'kubernetes.io/config.mirror';
const leaseNamespace = 'kube-node-lease';
const q = (text: string): string => JSON.stringify(text);

/** What kubelets may write: what is about their own node, and no more ("NodeRestriction"). */
export function nodeRestriction(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'NodeRestriction',
    handles: ({ group, plural }) => checks[`${group}/${plural}`] !== undefined,
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    subresources: true,
    start: (given) => void (reader = given),
    // Before other plugins add to what the kubelet sent.
    mutate(request) {
      const { kind, context } = request;
      const node = nodeOf(context.user);
      if (node === undefined) return;
      const refuse = (why: string): ApiError => refusal(request, why);
      if (node === '') throw refuse(`could not determine node from user ${q(context.user.username)}`);
      const why = (checks[`${kind.group}/${kind.plural}`] as Check)(node, request, reader);
      if (why) throw refuse(why);
    },
  };
}
function refusal({ kind: { group, plural }, name }: AdmissionRequest, why: string): ApiError {
  const qualified = group ? `${plural}.${group}` : plural;
  return new ApiError('Forbidden', `${qualified} ${q(name)} is forbidden: ${why}`, { name, ...(group ? { group } : {}), kind: plural });
}

const ofOwnName =
  (what: string): Check =>
  (node, { name }) =>
    name === node ? undefined : `can only access ${what} with the same name as the requesting node`;

const checks: Readonly<Record<string, Check>> = {
  '/pods'(node, request, reader) {
    const { subresource, operation, object, old } = request;
    if (subresource === 'status') return podStatus(node, object as Pod, old as Pod);
    if (subresource === 'eviction') {
      const pod = reader.get('', 'pods', request.namespace, request.name) as Pod | undefined;
      return pod && pod.spec?.nodeName !== node ? `node ${node} can only evict pods with spec.nodeName set to itself` : undefined;
    }
    if (subresource) return `unexpected pod subresource ${q(subresource)}, only 'status' and 'eviction' are allowed`;
    if (operation === 'CREATE') return mirrorPod(node, object as Pod, reader);
    if (operation !== 'DELETE') return `unexpected operation ${q(operation)}, node ${q(node)} can only create and delete mirror pods`;
    return (object as Pod).spec?.nodeName === node ? undefined : `node ${q(node)} can only delete pods with spec.nodeName set to itself`;
  },
  '/nodes': ownNode,
  '/persistentvolumeclaims'(node, { subresource, object, old }) {
    if (subresource !== 'status') return 'may only update PVC status';
    if (JSON.stringify(withoutReport(object)) !== JSON.stringify(withoutReport(old as KubeObject)))
      return `node ${q(node)} is not allowed to update fields other than status.quantity and status.conditions`;
  },
  '/serviceaccounts': boundToOwnPod,
  'coordination.k8s.io/leases'(node, request, reader) {
    if (request.namespace !== leaseNamespace) return `can only access leases in the ${q(leaseNamespace)} system namespace`;
    return ofOwnName('node lease')(node, request, reader);
  },
  'storage.k8s.io/csinodes': ofOwnName('CSINode'),
  'resource.k8s.io/resourceslices'(node, { operation, object }) {
    const { nodeName } = (object as { spec?: { nodeName?: string } }).spec ?? {};
    if (operation !== 'UPDATE' && nodeName !== node) return `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`;
  },
  'certificates.k8s.io/certificatesigningrequests': ownRequest,
};

function mirrorPod(node: string, { metadata, spec = {} }: Pod, reader: ObjectReader): string | undefined {
  if (metadata?.annotations?.[mirror] === undefined) return `pod does not have ${q(mirror)} annotation, node ${q(node)} can only create mirror pods`;
  if (spec.nodeName !== node) return `node ${q(node)} can only create pods with spec.nodeName set to itself`;
  const owners = metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1) return `node ${q(node)} can only create pods with a single owner reference set to itself`;
  if (!owner || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `node ${q(node)} can only create pods with an owner reference set to itself`;
  if (!owner.controller) return `node ${q(node)} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion) return `node ${q(node)} must not set blockOwnerDeletion on an owner reference`;
  const uid = reader.get('', 'nodes', undefined, node)?.metadata?.uid;
  if (uid !== owner.uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${uid ?? ''}`;
  if (spec.serviceAccountName) return `node ${q(node)} can not create pods that reference a service account`;
  const refs = referencesOf({ metadata, spec });
  for (const [what, names] of [
    ['secrets', refs.secrets],
    ['configmaps', refs.configmaps],
    ['persistentvolumeclaims', refs.persistentvolumeclaims],
  ] as const)
    if (names.size > 0) return `node ${q(node)} can not create pods that reference ${what}`;
  const bundles = spec.volumes?.some((volume) => volume.projected?.sources?.some((source) => source.clusterTrustBundle));
  return bundles ? `node ${q(node)} can not create pods that reference clustertrustbundles` : undefined;
}
function podStatus(node: string, pod: Pod, old: Pod): string | undefined {
  if (old.spec?.nodeName !== node) return `node ${q(node)} can only update pod status for pods with spec.nodeName set to itself`;
  if (!sameMap(pod.metadata?.labels, old.metadata?.labels)) return `node ${q(node)} cannot update labels through pod status`;
  const claims = ({ status }: Pod): string => JSON.stringify(status?.resourceClaimStatuses ?? []);
  return claims(pod) === claims(old) ? undefined : `node ${q(node)} cannot update resource claim statues`;
}

function ownNode(node: string, { name, operation, object, old }: AdmissionRequest): string | undefined {
  if (name !== node) return `node ${q(node)} is not allowed to modify node ${q(name)}`;
  if (operation === 'DELETE') return undefined;
  const { spec } = object as Node;
  const before = old as Node | undefined;
  const changed = forbiddenLabels(object.metadata?.labels ?? {}, before?.metadata?.labels ?? {});
  if (!before) {
    if (spec?.configSource) return `node ${q(node)} is not allowed to create pods with a non-nil configSource`;
    return changed.length > 0 ? `node ${q(node)} is not allowed to set the following labels: ${changed.join(', ')}` : undefined;
  }
  if (spec?.configSource && JSON.stringify(spec.configSource) !== JSON.stringify(before.spec?.configSource))
    return `node ${q(node)} is not allowed to update configSource to a new non-nil configSource`;
  if (JSON.stringify(spec?.taints ?? []) !== JSON.stringify(before.spec?.taints ?? [])) return `node ${q(node)} is not allowed to modify taints`;
  return changed.length > 0 ? `is not allowed to modify labels: ${changed.join(', ')}` : undefined;
}

const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'node.kubernetes.io/windows-build',
]);
const kubeletDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const within = (domain: string, parent: string): boolean => domain === parent || domain.endsWith(`.${parent}`);

/** Labels by which pods choose nodes are not for nodes to choose. */
function forbiddenLabels(labels: { [key: string]: string }, old: { [key: string]: string }): string[] {
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(old)])].filter((key) => labels[key] !== old[key]);
  return changed.filter(isForbidden).toSorted();
}
function isForbidden(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = slash < 0 ? '' : key.slice(0, slash);
  if (within(domain, 'node-restriction.kubernetes.io')) return true;
  if (!within(domain, 'kubernetes.io') && !within(domain, 'k8s.io')) return false;
  return !kubeletLabels.has(key) && !kubeletDomains.some((allowed) => within(domain, allowed));
}

function boundToOwnPod(node: string, { operation, subresource, object, namespace }: AdmissionRequest, reader: ObjectReader): string | undefined {
  if (operation !== 'CREATE' || subresource !== 'token') return undefined;
  const { boundObjectRef: ref } = (object as { spec?: { boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string } } }).spec ?? {};
  if (ref?.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name) return 'node requested token not bound to a pod';
  if (!ref.uid) return 'node requested token with a pod binding without a uid';
  const pod = reader.get('', 'pods', namespace, ref.name) as Pod | undefined;
  if (!pod) return undefined;
  if (pod.metadata?.uid !== ref.uid)
    return `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  return pod.spec?.nodeName === node ? undefined : 'node requested token bound to a pod scheduled on a different node';
}

function ownRequest(node: string, { operation, object }: AdmissionRequest): string | undefined {
  const { signerName, request = '' } = (object as SigningRequest).spec ?? {};
  if (operation !== 'CREATE' || (signerName !== signerNames.kubeletServing && signerName !== signerNames.kubeletClient)) return undefined;
  try {
    const { commonName } = parseCertificateRequest(Buffer.from(request, 'base64').toString('latin1'));
    return commonName === `system:node:${node}` ? undefined : `can only create a node CSR with CN=system:node:${node}`;
  } catch (error) {
    return `unable to parse csr: ${(error as Error).message}`;
  }
}

/** A claim without what a node reports of its size. */
function withoutReport(claim: KubeObject): unknown {
  const copy = cloneObject(claim) as KubeObject & { status?: { [field: string]: unknown } };
  for (const field of ['capacity', 'conditions', 'allocatedResourceStatuses', 'allocatedResources']) delete copy.status?.[field];
  delete copy.metadata?.resourceVersion;
  delete copy.metadata?.managedFields;
  return copy;
}
function sameMap(a: { [key: string]: string } | undefined, b: { [key: string]: string } | undefined): boolean {
  const [left, right] = [Object.entries(a ?? {}), b ?? {}];
  return left.length === Object.keys(right).length && left.every(([key, value]) => right[key] === value);
}

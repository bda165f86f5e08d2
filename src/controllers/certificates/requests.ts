import type { V1CertificateSigningRequest, V1CertificateSigningRequestCondition } from '#kinds';
import type { UserInfo } from '#machinery';
import type { RequestedNames } from '../controller.ts';

export type Request = V1CertificateSigningRequest;

const kubernetes = 'kubernetes.io/';
export const signers = {
  apiClient: `${kubernetes}kube-apiserver-client`,
  kubeletClient: `${kubernetes}kube-apiserver-client-kubelet`,
  kubeletServing: `${kubernetes}kubelet-serving`,
  legacyUnknown: `${kubernetes}legacy-unknown`,
} as const;

export function condition(request: Request, type: string): V1CertificateSigningRequestCondition | undefined {
  return request.status?.conditions?.find((candidate) => candidate.type === type && candidate.status === 'True');
}
export function withCondition(request: Request, type: string, reason: string, message: string, now: string): Request {
  const added = { type, status: 'True', reason, message, lastUpdateTime: now, lastTransitionTime: now };
  return { ...request, status: { ...request.status, conditions: [...(request.status?.conditions ?? []), added] } };
}
export function pemOf({ spec }: Request): string {
  return Buffer.from(spec?.request ?? '', 'base64').toString('latin1');
}
export function requesterOf({ spec }: Request): UserInfo {
  const { username = '', uid, groups = [], extra } = spec ?? {};
  return { username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

/**
 * Why a signer does not sign a request, in the words of kube-controller-manager; undefined when it does ("Kubernetes
 * signers" says what each of them permits).
 */
export function refusal(signer: string, names: RequestedNames, usages: readonly string[]): string | undefined {
  switch (signer) {
    case signers.apiClient:
      return clientUsages(usages);
    case signers.kubeletClient:
      return kubeletName(names) ?? noAlternatives(names) ?? exactUsages(usages, 'client auth');
    case signers.kubeletServing:
      return kubeletServing(names) ?? exactUsages(usages, 'server auth');
    default:
      return undefined;
  }
}
function clientUsages(usages: readonly string[]): string | undefined {
  const foreign = usages.find((usage) => !['digital signature', 'key encipherment', 'client auth'].includes(usage));
  if (foreign !== undefined) return `invalid usage for client certificate: ${foreign}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}
/** Encipherment is for RSA keys, which need it. */
function exactUsages(usages: readonly string[], purpose: string): string | undefined {
  const given = usages.filter((usage) => usage !== 'key encipherment').toSorted();
  const wanted = ['digital signature', purpose].toSorted();
  return given.join() === wanted.join() ? undefined : `usages did not match [digital signature key encipherment ${purpose}]`;
}
function kubeletName({ commonName, organizations }: RequestedNames): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes') return 'subject organization is not system:nodes';
  return commonName.startsWith('system:node:') ? undefined : 'subject common name does not begin with system:node: ';
}
function noAlternatives({ dnsNames, emailAddresses, ipAddresses, uris }: RequestedNames): string | undefined {
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  return uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined;
}
function kubeletServing(names: RequestedNames): string | undefined {
  const { dnsNames, ipAddresses, emailAddresses, uris } = names;
  const name = kubeletName(names);
  if (name) return name;
  if (dnsNames.length === 0 && ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  return uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined;
}

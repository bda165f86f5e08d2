import { formatTime, type Clock } from '#base';
import { ApiError, type Kind, type KubeObject } from '#machinery';
import { mayForSigner, signerNames } from '../auth/signers.ts';
import { parseCertificateRequest } from '../pki/csr.ts';
import type { AdmissionPlugin, AdmissionRequest, Authorizer } from '../types.ts';

interface Condition {
  type: string;
  status?: string;
  lastUpdateTime?: string;
  lastTransitionTime?: string;
}
export interface SigningRequest extends KubeObject {
  spec?: {
    request?: string;
    signerName?: string;
    username?: string;
    uid?: string;
    groups?: string[];
    extra?: { [key: string]: string[] };
  };
  status?: { conditions?: Condition[]; certificate?: string };
}
const handles = (kind: Kind): boolean => kind.group === 'certificates.k8s.io' && kind.plural === 'certificatesigningrequests';
const forbid = ({ name }: AdmissionRequest, why: string): ApiError =>
  new ApiError('Forbidden', `certificatesigningrequests.certificates.k8s.io ${JSON.stringify(name)} is forbidden: ${why}`, {
    name,
    group: 'certificates.k8s.io',
    kind: 'certificatesigningrequests',
  });

/** What the server itself writes into requests: who asks, and when conditions changed. */
export function certificateRequester(clock: Clock): AdmissionPlugin {
  return {
    name: 'CertificateRequester',
    handles,
    subresources: true,
    mutate({ operation, object, old, subresource, context: { user } }) {
      const request = object as SigningRequest;
      if (operation === 'CREATE') {
        const { username, uid, groups, extra } = user;
        const { username: _username, uid: _uid, groups: _groups, extra: _extra, ...spec } = request.spec ?? {};
        const who = { username, groups: [...groups], ...(uid ? { uid } : {}), ...(extra ? { extra: mutable(extra) } : {}) };
        request.spec = { ...spec, ...who };
      } else if (subresource === 'approval' || subresource === 'status') stampConditions(request, old as SigningRequest, formatTime(clock.now()));
    },
  };
}
function mutable(extra: { readonly [key: string]: readonly string[] }): { [key: string]: string[] } {
  return Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]]));
}
/** `status` is shared with nobody that a client can see: it came with the request. */
function stampConditions({ status }: SigningRequest, old: SigningRequest, now: string): void {
  if (!status?.conditions) return;
  status.conditions = status.conditions.map((condition) => {
    const before = old.status?.conditions?.find(({ type }) => type === condition.type);
    const since = before && before.status === condition.status ? before.lastTransitionTime : undefined;
    return { ...condition, lastUpdateTime: condition.lastUpdateTime ?? now, lastTransitionTime: condition.lastTransitionTime ?? since ?? now };
  });
}

/** Nobody gets a certificate of system:masters from the API ("CertificateSubjectRestriction"). */
export function certificateSubjectRestriction(): AdmissionPlugin {
  return {
    name: 'CertificateSubjectRestriction',
    handles,
    operations: ['CREATE'],
    validate(request) {
      const { signerName, request: encoded = '' } = (request.object as SigningRequest).spec ?? {};
      if (signerName !== signerNames.apiClient) return;
      if (organizationsOf(encoded, request).includes('system:masters'))
        throw forbid(request, `use of ${signerNames.apiClient} signer with system:masters group is not allowed`);
    },
  };
}
function organizationsOf(encoded: string, request: AdmissionRequest): readonly string[] {
  try {
    return parseCertificateRequest(Buffer.from(encoded, 'base64').toString('latin1')).organizations;
  } catch (error) {
    throw forbid(request, `failed to parse CSR: ${(error as Error).message}`);
  }
}

/** Who approves must be allowed to `approve` for the signer ("CertificateApproval"). */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateApproval',
    handles,
    operations: ['UPDATE'],
    subresources: true,
    validate(request) {
      if (request.subresource !== 'approval') return;
      const { signerName = '' } = (request.old as SigningRequest).spec ?? {};
      if (!mayForSigner(authorizer, request.context.user, 'approve', signerName))
        throw forbid(request, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
    },
  };
}

/** Who brings the certificate must be allowed to `sign` for the signer ("CertificateSigning"). */
export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: 'CertificateSigning',
    handles,
    operations: ['UPDATE'],
    subresources: true,
    validate(request) {
      if (request.subresource !== 'status') return;
      const { spec: { signerName = '' } = {}, status: before } = request.old as SigningRequest;
      const { status } = request.object as SigningRequest;
      if (status?.certificate === before?.certificate && JSON.stringify(status?.conditions ?? []) === JSON.stringify(before?.conditions ?? [])) return;
      if (!mayForSigner(authorizer, request.context.user, 'sign', signerName))
        throw forbid(request, `user not permitted to sign requests with signerName ${JSON.stringify(signerName)}`);
    },
  };
}

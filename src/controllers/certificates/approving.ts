import { formatTime } from '#base';
import { CertificateSigningRequest } from '#kinds';
import { ownKey, type CertificateAuthority, type Controller, type RequestedNames } from '../controller.ts';
import { condition, pemOf, refusal, requesterOf, signers, withCondition, type Request } from './requests.ts';

/** Approves the client certificates that kubelets ask for, where roles allow it. Keys are names of requests. */
export const certificateApprovingController: Controller = {
  name: 'csrapproving',
  component: 'certificate-controller',
  setup(context) {
    const requests = context.watch(CertificateSigningRequest, ownKey);
    const { certificates } = context.options;
    return async (name) => {
      const request = requests.get(undefined, name);
      if (!certificates || !request || request.status?.certificate || condition(request, 'Approved') || condition(request, 'Denied')) return;
      const message = approval(certificates, request);
      if (!message) return;
      const approved = withCondition(request, 'Approved', 'AutoApproved', message, formatTime(context.clock.now()));
      await context.api.update(CertificateSigningRequest, approved, { subresource: 'approval' });
    };
  },
};

function approval(certificates: CertificateAuthority, request: Request): string | undefined {
  if (request.spec?.signerName !== signers.kubeletClient) return undefined;
  const names = read(certificates, request);
  if (!names || refusal(signers.kubeletClient, names, request.spec.usages ?? [])) return undefined;
  const user = requesterOf(request);
  if (names.commonName === user.username && certificates.mayCreate(user, 'selfnodeclient'))
    return 'Auto approving self kubelet client certificate after SubjectAccessReview.';
  return certificates.mayCreate(user, 'nodeclient') ? 'Auto approving kubelet client certificate after SubjectAccessReview.' : undefined;
}
function read(certificates: CertificateAuthority, request: Request): RequestedNames | undefined {
  try {
    return certificates.read(pemOf(request));
  } catch {
    return undefined;
  }
}

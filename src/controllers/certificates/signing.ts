import { formatTime } from '#base';
import { CertificateSigningRequest } from '#kinds';
import { ownKey, type CertificateAuthority, type Controller } from '../controller.ts';
import { condition, pemOf, refusal, signers, withCondition, type Request } from './requests.ts';

const year = 365 * 24 * 3600;

/** Signs approved requests for the signers of Kubernetes. Keys are names of requests. */
export const certificateSigningController: Controller = {
  name: 'csrsigning',
  component: 'certificate-controller',
  setup(context) {
    const requests = context.watch(CertificateSigningRequest, ownKey);
    const { certificates } = context.options;
    return async (name) => {
      const request = requests.get(undefined, name);
      if (!certificates || !request || request.status?.certificate || !isOurs(request)) return;
      if (!condition(request, 'Approved') || condition(request, 'Denied') || condition(request, 'Failed')) return;
      const outcome = sign(certificates, request);
      const signed = outcome.certificate
        ? { ...request, status: { ...request.status, certificate: Buffer.from(outcome.certificate).toString('base64') } }
        : withCondition(request, 'Failed', 'SignerValidationFailure', outcome.why ?? '', formatTime(context.clock.now()));
      await context.api.update(CertificateSigningRequest, signed, { subresource: 'status' });
    };
  },
};

function isOurs({ spec }: Request): boolean {
  return (Object.values(signers) as string[]).includes(spec?.signerName ?? '');
}
function sign(authority: CertificateAuthority, request: Request): { certificate?: string; why?: string } {
  const { signerName, usages = [], expirationSeconds } = request.spec;
  const pem = pemOf(request);
  try {
    const why = refusal(signerName, authority.read(pem), usages);
    return why ? { why } : { certificate: authority.sign(pem, usages, Math.min(expirationSeconds ?? year, year)) };
  } catch (error) {
    return { why: `unable to parse csr ${JSON.stringify(request.metadata?.name)}: ${(error as Error).message}` };
  }
}

import { CertificateSigningRequest } from '#kinds';
import { isApiError } from '#machinery';
import { ownKey, type CertificateAuthority, type Controller } from '../controller.ts';
import { condition, type Request } from './requests.ts';

const hour = 3_600_000;
const day = 24 * hour;

/** Removes requests that nobody will look at again: an hour after a decision, a day without one. Keys are names of requests. */
export const certificateCleaningController: Controller = {
  name: 'csrcleaner',
  component: 'certificate-controller',
  setup(context) {
    const requests = context.watch(CertificateSigningRequest, ownKey);
    return async (name) => {
      const request = requests.get(undefined, name);
      if (!request) return;
      const left = removalTime(request, context.options.certificates) - context.clock.now();
      if (left > 0) return Math.min(left, hour);
      try {
        const { uid } = request.metadata ?? {};
        await context.api.delete(CertificateSigningRequest, { name }, uid ? { preconditions: { uid } } : {});
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    };
  },
};

/** ms since the epoch. */
function removalTime(request: Request, certificates: CertificateAuthority | undefined): number {
  const decided = condition(request, 'Denied') ?? condition(request, 'Failed') ?? condition(request, 'Approved');
  if (!decided) return Date.parse(request.metadata?.creationTimestamp ?? '') + day;
  const since = Date.parse(decided.lastUpdateTime ?? decided.lastTransitionTime ?? request.metadata?.creationTimestamp ?? '');
  const certificate = request.status?.certificate;
  const expiry = certificate ? certificates?.expiry(Buffer.from(certificate, 'base64').toString('latin1')) : undefined;
  return Math.min(since + hour, expiry ?? Number.POSITIVE_INFINITY);
}

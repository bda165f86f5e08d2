import { X509Certificate } from 'node:crypto';
import type { Clock } from '#base';
import { issueRequested, parseCertificateRequest, type Authorizer, type Issued } from '#apiserver';
import type { CertificateAuthority } from '#controllers';

/** Clocks of clients may lag. */
const skewMs = 5 * 60_000;

/** The cluster's CA as the certificate controllers use it. No certificate outlives the CA. */
export function certificateAuthority(ca: Issued, authorizer: Authorizer, clock: Clock): CertificateAuthority {
  const end = Date.parse(new X509Certificate(ca.cert).validTo);
  return {
    read: parseCertificateRequest,
    sign(pem, usages, seconds) {
      const now = clock.now();
      const notAfter = Math.min(now + seconds * 1000, end);
      return issueRequested(ca, { request: parseCertificateRequest(pem), usages, notBefore: now - skewMs, notAfter });
    },
    mayCreate: (user, subresource) =>
      authorizer.authorize({
        user,
        verb: 'create',
        resource: true,
        group: 'certificates.k8s.io',
        version: '*',
        plural: 'certificatesigningrequests',
        subresource,
        namespace: '',
        name: '',
        path: '',
      }).allowed,
    expiry(pem) {
      try {
        return Date.parse(new X509Certificate(pem).validTo);
      } catch {
        return undefined;
      }
    },
  };
}

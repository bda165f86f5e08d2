import { X509Certificate } from 'node:crypto';
import type { Clock } from '#base';
import type { UserInfo } from '#machinery';
import { subjectOf, verifyClient } from '../pki/x509.ts';
import type { Authenticator } from '../types.ts';
import { withAuthenticated } from './tokens/bearer.ts';

/** Certificates of one CA, each looked at once: connections hand in the same buffer with each request. */
export function certificateCheck<T>(caPem: string, clock: Clock, accept: (certificate: X509Certificate) => T | undefined): (certificate: Buffer) => T | false {
  const ca = new X509Certificate(caPem);
  const seen = new WeakMap<Buffer, { value: T; until: number } | false>();
  const examine = (certificate: Buffer): { value: T; until: number } | false => {
    const parsed = parse(certificate);
    if (!parsed || verifyClient(parsed, ca, clock.now()) !== 'ok') return false;
    const value = accept(parsed);
    return value !== undefined && { value, until: Date.parse(parsed.validTo) };
  };
  return (certificate) => {
    let known = seen.get(certificate);
    if (known === undefined) seen.set(certificate, (known = examine(certificate)));
    return known && known.until > clock.now() && known.value;
  };
}
function parse(certificate: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(certificate);
  } catch {
    return undefined;
  }
}

/** Client certificates of one CA: CN is the user, O are the groups. Anyone else's certificate is refused. */
export function certificateAuthenticator(caPem: string, clock: Clock): Authenticator {
  const check = certificateCheck(caPem, clock, userOf);
  return { name: 'x509', authenticate: ({ certificate }) => (certificate ? check(certificate) : undefined) };
}
function userOf(certificate: X509Certificate): UserInfo | undefined {
  const { commonName, organizations, uid } = subjectOf(certificate);
  if (commonName === '') return undefined;
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    username: commonName,
    groups: withAuthenticated(organizations),
    ...(uid ? { uid } : {}),
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
  };
}

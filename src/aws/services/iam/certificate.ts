import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { AwsError } from '../../gateway/errors.ts';

const malformed = (text: string): AwsError => new AwsError('MalformedCertificate', text);
const one = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Reads the one certificate of a PEM text. Throws AwsError (MalformedCertificate). */
export function readCertificate(pem: string): X509Certificate {
  const found = pem.match(one) ?? [];
  try {
    if (found.length === 1) return new X509Certificate(found[0] as string);
  } catch {
    // told below
  }
  throw malformed('Unable to parse certificate. Please ensure the certificate is in PEM format.');
}
/** Reads the certificates that lead from a certificate to its root, each the signer of the one before. Throws AwsError. */
export function checkChain(certificate: X509Certificate, pem: string): void {
  const found = pem.match(one) ?? [];
  if (found.length === 0) throw malformed('Unable to parse certificate chain. Please ensure the certificates are in PEM format.');
  let below = certificate;
  for (const [i, text] of found.entries()) {
    const signer = readCertificate(text);
    if (!below.checkIssued(signer) || !below.verify(signer.publicKey)) {
      throw malformed(
        `Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: ${i}`,
      );
    }
    below = signer;
  }
}
/** Reads the private key of a certificate. Throws AwsError. */
export function readPrivateKey(pem: string, certificate: X509Certificate): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw malformed('Unable to parse private key. Please ensure the key is in PEM format and not protected by a password.');
  }
  if (!certificate.checkPrivateKey(key)) throw new AwsError('KeyPairMismatch', 'The public key certificate and the private key do not match.');
  return key;
}

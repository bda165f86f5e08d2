import { DOMParser } from '@xmldom/xmldom';
import { SignedXml } from 'xml-crypto';
import { readXml, type XmlElement } from '../../../protocol/read-xml.ts';

/** SHA-1 signs nothing any more. */
const digests = ['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512'];
const signatures = [
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
];
const only = <T>(all: Record<string, T>, names: readonly string[]): Record<string, T> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));

/**
 * The elements of a document that were signed with one of these certificates (PEM), read from the canonical text whose
 * digest was signed: what stands elsewhere in the document, however it is wrapped, is not among them. The certificates
 * that signatures bring along are not looked at.
 */
export function signedElements(text: string, certificates: readonly string[]): XmlElement[] {
  // No document types and no entities get as far as the parser with the larger tongue.
  if (!readXml(text)) return [];
  const document = new DOMParser({ errorHandler: () => {} }).parseFromString(text, 'text/xml');
  const found = new SignedXml().findSignatures(document as unknown as Node);
  for (const certificate of certificates) {
    const signed = found.flatMap((signature) => verify(text, signature, certificate));
    if (signed.length > 0) return signed.flatMap((one) => readXml(one) ?? []);
  }
  return [];
}

function verify(text: string, signature: Node, certificate: string): string[] {
  const checker = new SignedXml({ publicCert: certificate, getCertFromKeyInfo: () => null });
  checker.HashAlgorithms = only(checker.HashAlgorithms, digests) as typeof checker.HashAlgorithms;
  checker.SignatureAlgorithms = only(checker.SignatureAlgorithms, signatures) as typeof checker.SignatureAlgorithms;
  try {
    checker.loadSignature(signature);
    return checker.checkSignature(text) ? checker.getSignedReferences() : [];
  } catch {
    return []; // not of this certificate, or of no algorithm that is good
  }
}

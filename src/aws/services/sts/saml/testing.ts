import { generateKeyPairSync } from 'node:crypto';
import { SignedXml } from 'xml-crypto';
import { issueCa, issueRequested } from '#apiserver';

/** For tests: an identity provider with a key of its own. */
export interface TestProvider {
  readonly metadata: string;
  /** A signed response, base64. What is not said is right. */
  respond(more?: ResponseOptions): string;
}
export interface ResponseOptions {
  /** Values by attribute names; those of AWS without their prefix. */
  readonly attributes?: Readonly<Record<string, readonly string[]>>;
  readonly issuer?: string;
  readonly audience?: string;
  readonly recipient?: string;
  /** ms since the epoch. */
  readonly issued?: number;
  readonly sessionEnd?: number;
  readonly status?: string;
  /** What the signature covers. */
  readonly sign?: 'Assertion' | 'Response' | 'nothing';
  readonly algorithm?: 'sha1' | 'sha256';
  /** Changes the document after it was signed. */
  readonly forge?: (xml: string) => string;
}
const validity = { notBefore: 0, notAfter: Date.UTC(2040, 0, 1) };
const time = (ms: number): string => new Date(ms).toISOString();
const prefix = 'https://aws.amazon.com/SAML/Attributes/';

export function testProvider(now: () => number, entityId = 'https://idp.example'): TestProvider {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const names = { commonName: 'idp', organizations: [], dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [], alternativeNames: undefined };
  const request = { ...names, subject: Buffer.from([0x30, 0]), publicKey: publicKey.export({ type: 'spki', format: 'der' }) };
  const certificate = issueRequested(issueCa('idp', validity), { request, usages: [], ...validity });
  const base64 = certificate.replaceAll(/-----[^-]+-----|\s/g, '');
  const metadata = `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${entityId}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>${base64}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor></md:IDPSSODescriptor></md:EntityDescriptor>`;
  return {
    metadata,
    respond({ sign = 'Assertion', algorithm = 'sha256', forge = (xml: string) => xml, ...more } = {}) {
      const plain = document({ issuer: entityId, ...more, issued: more.issued ?? now() });
      const signed = sign === 'nothing' ? plain : signature(plain, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), sign, algorithm);
      return Buffer.from(forge(signed)).toString('base64');
    },
  };
}

function document({ attributes = {}, issuer = '', audience = 'urn:amazon:webservices', ...more }: ResponseOptions): string {
  const { recipient = 'https://signin.aws.amazon.com/saml', issued = 0, sessionEnd, status = 'Success' } = more;
  const end = time(issued + 300_000);
  const values = Object.entries(attributes).map(
    ([name, all]) =>
      `<saml:Attribute Name="${name.includes('//') ? name : prefix + name}">${all.map((one) => `<saml:AttributeValue>${one}</saml:AttributeValue>`).join('')}</saml:Attribute>`,
  );
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="r1" Version="2.0" IssueInstant="${time(issued)}"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${status}"/></samlp:Status><saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="a1" Version="2.0" IssueInstant="${time(issued)}"><saml:Issuer>${issuer}</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ana</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData Recipient="${recipient}" NotOnOrAfter="${end}"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="${time(issued)}" NotOnOrAfter="${end}"><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="${time(issued)}"${sessionEnd === undefined ? '' : ` SessionNotOnOrAfter="${time(sessionEnd)}"`}/><saml:AttributeStatement>${values.join('')}</saml:AttributeStatement></saml:Assertion></samlp:Response>`;
}

function signature(xml: string, privateKey: string, element: string, hash: 'sha1' | 'sha256'): string {
  const exclusive = 'http://www.w3.org/2001/10/xml-exc-c14n#';
  const sha1 = hash === 'sha1';
  const signer = new SignedXml({
    privateKey,
    signatureAlgorithm: sha1 ? 'http://www.w3.org/2000/09/xmldsig#rsa-sha1' : 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    canonicalizationAlgorithm: exclusive,
  });
  signer.addReference({
    xpath: `//*[local-name(.)='${element}']`,
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', exclusive],
    digestAlgorithm: sha1 ? 'http://www.w3.org/2000/09/xmldsig#sha1' : 'http://www.w3.org/2001/04/xmlenc#sha256',
  });
  signer.computeSignature(xml, { location: { reference: `//*[local-name(.)='${element}']`, action: 'append' } });
  return signer.getSignedXml();
}

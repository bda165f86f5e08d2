import { AwsError } from '../../../gateway/errors.ts';
import { childOf, childrenOf, type SamlMetadata } from '../../../iam/saml-metadata.ts';
import { readXml, type XmlElement } from '../../../protocol/read-xml.ts';
import { signedElements } from './signature.ts';

/** What an assertion says, once all of it holds. */
export interface Assertion {
  readonly issuer: string;
  readonly audience: string;
  readonly subject: string;
  /** `persistent`, `transient`, or the format as it was written. */
  readonly subjectType: string;
  /** By the names of the attributes. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
  /** When the session at the provider ends, ms since the epoch. */
  readonly sessionEnd: number | undefined;
}

/** Seconds in which an assertion must be redeemed. */
const redeemable = 300;
const formats = 'urn:oasis:names:tc:SAML:2.0:nameid-format:';
/** Where assertions for AWS are sent: the sign-in page, of all regions or one. */
const recipient = /^https:\/\/(?:[a-z0-9-]+\.)?signin\.aws\.amazon\.com\/saml(?:\/acs\/[\w-]+)?$/;
const audiences = (one: string): boolean => one === 'urn:amazon:webservices' || recipient.test(one);

const rejected = (message: string): AwsError => new AwsError('InvalidIdentityToken', message);
const expired = (): AwsError => new AwsError('ExpiredTokenException', 'Token must be redeemed within 5 minutes of issuance');
const textOf = (element: XmlElement | undefined): string => element?.text.trim() ?? '';
const timeOf = (element: XmlElement | undefined, name: string): number | undefined => {
  const text = element?.attributes.get(name);
  return text === undefined ? undefined : Date.parse(text);
};

/** Proves a response of a provider (base64) and reads its assertion. `now`: ms since the epoch. Throws AwsError. */
export function readAssertion(encoded: string, { entityId, certificates }: SamlMetadata, now: number): Assertion {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const response = readXml(text);
  if (response?.name !== 'Response') throw rejected('Invalid base64 SAMLResponse');
  if (childOf(response, 'EncryptedAssertion')) throw rejected('Encrypted assertions are not taken here');
  const status = childOf(response, 'Status', 'StatusCode')?.attributes.get('Value') ?? '';
  if (!status.endsWith(':status:Success')) throw rejected('Response did not contain a success status');
  const signed = signedElements(text, certificates);
  const assertions = signed.flatMap((one) => (one.name === 'Assertion' ? [one] : one.name === 'Response' ? childrenOf(one, 'Assertion') : []));
  const [assertion] = assertions;
  if (!assertion) throw rejected('Response signature invalid');
  const issuer = textOf(childOf(assertion, 'Issuer'));
  if (issuer !== entityId) throw rejected('Issuer not present in specified provider');
  checkTimes(assertion, now);
  const nameId = childOf(assertion, 'Subject', 'NameID');
  const format = nameId?.attributes.get('Format') ?? '';
  return {
    issuer,
    audience: checkRecipient(assertion, now),
    subject: textOf(nameId),
    subjectType: format.startsWith(formats) ? format.slice(formats.length) : format,
    attributes: attributesOf(assertion),
    sessionEnd: timeOf(childOf(assertion, 'AuthnStatement'), 'SessionNotOnOrAfter'),
  };
}

function checkTimes(assertion: XmlElement, now: number): void {
  const issued = timeOf(assertion, 'IssueInstant') ?? Number.NaN;
  const conditions = childOf(assertion, 'Conditions');
  const from = timeOf(conditions, 'NotBefore') ?? issued;
  const to = timeOf(conditions, 'NotOnOrAfter') ?? Infinity;
  // A time that is none fails both comparisons.
  if (!(now < issued + redeemable * 1000) || !(now < to)) throw expired();
  if (!(from <= now + redeemable * 1000)) throw rejected('Token is not yet valid');
}
/** The place that the assertion is for. Throws AwsError. */
function checkRecipient(assertion: XmlElement, now: number): string {
  const restrictions = childrenOf(childOf(assertion, 'Conditions'), 'AudienceRestriction');
  const open = restrictions.every((one) => childrenOf(one, 'Audience').some((audience) => audiences(textOf(audience))));
  if (restrictions.length === 0 || !open) throw rejected('Response does not contain the required audience.');
  for (const confirmation of childrenOf(childOf(assertion, 'Subject'), 'SubjectConfirmation')) {
    const data = childOf(confirmation, 'SubjectConfirmationData');
    const place = data?.attributes.get('Recipient') ?? '';
    if (!confirmation.attributes.get('Method')?.endsWith(':cm:bearer') || !recipient.test(place)) continue;
    if (!((timeOf(data, 'NotOnOrAfter') ?? Number.NaN) > now)) throw expired();
    return place;
  }
  throw rejected('Response does not contain a bearer confirmation for the required recipient.');
}
function attributesOf(assertion: XmlElement): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const statement of childrenOf(assertion, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, 'Attribute')) {
      const name = attribute.attributes.get('Name') ?? '';
      out.set(name, [...(out.get(name) ?? []), ...childrenOf(attribute, 'AttributeValue').map(textOf)]);
    }
  }
  return out;
}

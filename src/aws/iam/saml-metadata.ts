import { readXml, type XmlElement } from '../protocol/read-xml.ts';

/** Who signs assertions, by the metadata document of the provider. */
export interface SamlMetadata {
  /** The issuer of its assertions. */
  readonly entityId: string;
  /** Certificates that it signs with, PEM. */
  readonly certificates: readonly string[];
}

export const childrenOf = (element: XmlElement | undefined, name: string): XmlElement[] => element?.children.filter((one) => one.name === name) ?? [];
export const childOf = (element: XmlElement | undefined, ...path: readonly string[]): XmlElement | undefined =>
  path.reduce<XmlElement | undefined>((at, name) => childrenOf(at, name)[0], element);

const pem = (base64: string): string => {
  const lines = base64.replaceAll(/\s+/g, '').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
};

/** Reads a metadata document of SAML 2.0; undefined when it is none of an identity provider. */
export function readSamlMetadata(text: string): SamlMetadata | undefined {
  const root = readXml(text);
  const entityId = root?.attributes.get('entityID');
  if (root?.name !== 'EntityDescriptor' || entityId === undefined) return undefined;
  const keys = childrenOf(childOf(root, 'IDPSSODescriptor'), 'KeyDescriptor').filter((one) => (one.attributes.get('use') ?? 'signing') === 'signing');
  const certificates = keys.flatMap((one) => childrenOf(childOf(one, 'KeyInfo', 'X509Data'), 'X509Certificate').map(({ text: base64 }) => pem(base64)));
  return certificates.length === 0 ? undefined : { entityId, certificates };
}

import { createPublicKey, verify } from 'node:crypto';
import { DerError, DerReader, elements, inside, oidText, type Element } from './der-reader.ts';
import { readName } from './names.ts';

/** A certificate request (PKCS #10, RFC 2986) whose own signature holds. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** DER: the subject as it was written, the SubjectPublicKeyInfo, and the GeneralNames of subjectAltName. */
  readonly subject: Buffer;
  readonly publicKey: Buffer;
  readonly alternativeNames: Buffer | undefined;
}

const pemBlock = /-----BEGIN CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE REQUEST-----/;
const extensionRequest = '1.2.840.113549.1.9.14';
const subjectAltName = '2.5.29.17';
/** Digests by the algorithm that signs with them; null where the algorithm brings its own. */
const algorithms: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.3.101.112': null,
};

/** Reads a PEM. Throws an Error that says what is wrong with whatever is no sound request. */
export function parseCertificateRequest(pem: string): CertificateRequest {
  const block = pemBlock.exec(pem);
  if (!block) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  try {
    return parse(Buffer.from(block[1] ?? '', 'base64'));
  } catch (error) {
    if (error instanceof DerError) throw new Error(`malformed certificate request: ${error.message}`, { cause: error });
    throw error;
  }
}

function parse(bytes: Buffer): CertificateRequest {
  const request = inside(new DerReader(bytes).next(0x30));
  const info = request.next(0x30);
  const algorithm = inside(request.next(0x30)).next(0x06);
  const signature = request.next(0x03).content.subarray(1);
  const body = inside(info);
  body.next(0x02);
  const subject = body.next(0x30);
  const publicKey = body.next(0x30).whole;
  checkSignature(oidText(algorithm), info.whole, publicKey, signature);
  const { commonName, organizations } = readName(subject);
  const alternative = alternativeNamesOf(body.optional(0xa0));
  return { commonName, organizations, ...alternativesOf(alternative), subject: subject.whole, publicKey, alternativeNames: alternative?.whole };
}

function checkSignature(algorithm: string, signed: Buffer, publicKey: Buffer, signature: Buffer): void {
  const digest = algorithms[algorithm];
  if (digest === undefined) throw new Error(`unsupported signature algorithm ${algorithm}`);
  let sound = false;
  try {
    sound = verify(digest, signed, createPublicKey({ key: publicKey, format: 'der', type: 'spki' }), signature);
  } catch (error) {
    throw new Error('the public key of the certificate request cannot be read', { cause: error });
  }
  if (!sound) throw new Error('the signature of the certificate request does not fit its public key');
}

/** The GeneralNames among the extensions that the request asks for. */
function alternativeNamesOf(attributes: Element | undefined): Element | undefined {
  for (const attribute of attributes ? elements(attributes) : []) {
    const reader = inside(attribute);
    if (oidText(reader.next(0x06)) !== extensionRequest) continue;
    for (const list of elements(reader.next(0x31)))
      for (const extension of elements(list)) {
        const parts = elements(extension);
        const [type, value] = [parts[0], parts.at(-1)];
        if (type && value?.tag === 0x04 && oidText(type) === subjectAltName) return inside(value).next(0x30);
      }
  }
  return undefined;
}
function alternativesOf(names: Element | undefined): Pick<CertificateRequest, 'dnsNames' | 'ipAddresses' | 'emailAddresses' | 'uris'> {
  const out = { dnsNames: [] as string[], ipAddresses: [] as string[], emailAddresses: [] as string[], uris: [] as string[] };
  for (const { tag, content } of names ? elements(names) : []) {
    if (tag === 0x82) out.dnsNames.push(content.toString('latin1'));
    else if (tag === 0x87) out.ipAddresses.push(addressText(content));
    else if (tag === 0x81) out.emailAddresses.push(content.toString('latin1'));
    else if (tag === 0x86) out.uris.push(content.toString('latin1'));
  }
  return out;
}
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  if (bytes.length !== 16) throw new DerError('an IP address of neither 4 nor 16 bytes');
  return Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16)).join(':');
}

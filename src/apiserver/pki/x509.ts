import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import type { CertificateRequest } from './csr.ts';
import { DerReader, inside } from './der-reader.ts';
import { readName, type Subject } from './names.ts';
import { bits, boolean, integer, octets, oid, pem, sequence, set, tag, tagged, time, utf8 } from './der.ts';

export type { Subject } from './names.ts';

/** A certificate with its key, both PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}
interface Validity {
  /** ms since the epoch */
  readonly notBefore: number;
  readonly notAfter: number;
}
export interface ServerRequest extends Validity {
  readonly commonName: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
}
export interface ClientRequest extends Validity, Subject {}

/** Bits of KeyUsage (RFC 5280, 4.2.1.3), the first one highest of sixteen. */
const keyUsages: Readonly<Record<string, number>> = {
  signing: 0x8000,
  'digital signature': 0x8000,
  'content commitment': 0x4000,
  'key encipherment': 0x2000,
  'data encipherment': 0x1000,
  'key agreement': 0x0800,
  'cert sign': 0x0400,
  'crl sign': 0x0200,
  'encipher only': 0x0100,
  'decipher only': 0x0080,
};
const extendedUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

const ecdsaSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const serverAuth = oid('1.3.6.1.5.5.7.3.1');
const clientAuth = oid('1.3.6.1.5.5.7.3.2');

/** A self-signed EC P-256 certificate authority. */
export function issueCa(commonName: string, validity: Validity): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const id = keyId(spki);
  const extensions = [
    extension('2.5.29.19', true, sequence(boolean(true))),
    extension('2.5.29.15', true, bits(Buffer.from([0b10100110]), 1)),
    extension('2.5.29.14', false, octets(id)),
  ];
  return { cert: certificate({ commonName }, { commonName }, validity, spki, extensions, privateKey), key: pkcs8(privateKey) };
}

/** A server certificate for DNS names and addresses (subjectAltName). */
export function issueServer(ca: Issued, request: ServerRequest): Issued {
  const names = request.names.map((name) => (isIP(name) ? tag(7, addressBytes(name)) : tag(2, Buffer.from(name))));
  return issueLeaf(ca, { commonName: request.commonName }, request, serverAuth, [extension('2.5.29.17', false, sequence(...names))]);
}

/** A client certificate: CN is the user, O are the groups. */
export function issueClient(ca: Issued, request: ClientRequest): Issued {
  return issueLeaf(ca, request, request, clientAuth, []);
}

export interface RequestedCertificate extends Validity {
  readonly request: CertificateRequest;
  /** Usages as certificates.k8s.io names them. */
  readonly usages: readonly string[];
}
/** Signs what a certificate request asks for: its subject, names and key, for the usages that were granted. */
export function issueRequested(ca: Issued, { request, usages, ...validity }: RequestedCertificate): string {
  const authority = new X509Certificate(ca.cert);
  const extensions = [
    extension('2.5.29.19', true, sequence()),
    ...usageExtensions(usages),
    authorityKeyId(authority),
    ...(request.alternativeNames ? [extension('2.5.29.17', false, request.alternativeNames)] : []),
  ];
  return certificate(request.subject, { commonName: commonNameOf(authority) }, validity, request.publicKey, extensions, createPrivateKey(ca.key));
}
function usageExtensions(usages: readonly string[]): Buffer[] {
  let keyBits = 0;
  for (const usage of usages) keyBits |= keyUsages[usage] ?? 0;
  const purposes = usages.flatMap((usage) => extendedUsages[usage] ?? []);
  const keyUsage = Buffer.from(keyBits & 0xff ? [keyBits >> 8, keyBits & 0xff] : [keyBits >> 8]);
  const unused = trailingZeros(keyUsage.at(-1) as number);
  return [
    ...(keyBits === 0 ? [] : [extension('2.5.29.15', true, bits(keyUsage, unused))]),
    ...(purposes.length === 0 ? [] : [extension('2.5.29.37', false, sequence(...[...new Set(purposes)].map(oid)))]),
  ];
}
function authorityKeyId(authority: X509Certificate): Buffer {
  return extension('2.5.29.35', false, sequence(tag(0, keyId(authority.publicKey.export({ type: 'spki', format: 'der' })))));
}

function issueLeaf(ca: Issued, subject: Subject, validity: Validity, usage: Buffer, more: readonly Buffer[]): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const authority = new X509Certificate(ca.cert);
  const extensions = [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0b10000000]), 7)),
    extension('2.5.29.37', false, sequence(usage)),
    authorityKeyId(authority),
    ...more,
  ];
  const issuer = { commonName: commonNameOf(authority) };
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { cert: certificate(subject, issuer, validity, spki, extensions, createPrivateKey(ca.key)), key: pkcs8(privateKey) };
}

function certificate(
  subject: Subject | Buffer,
  issuer: Subject,
  { notBefore, notAfter }: Validity,
  spki: Buffer,
  extensions: readonly Buffer[],
  key: KeyObject,
): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x7f) | 0x40;
  const body = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaSha256,
    name(issuer),
    sequence(time(notBefore), time(notAfter)),
    Buffer.isBuffer(subject) ? subject : name(subject),
    spki,
    tagged(3, sequence(...extensions)),
  );
  return pem('CERTIFICATE', sequence(body, ecdsaSha256, bits(sign('sha256', body, key))));
}
function name({ commonName, organizations = [] }: Subject): Buffer {
  const parts = organizations.map((value) => set(sequence(oid('2.5.4.10'), utf8(value))));
  return sequence(...parts, set(sequence(oid('2.5.4.3'), utf8(commonName))));
}
function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}
const trailingZeros = (byte: number): number => 31 - Math.clz32(byte & -byte);
function keyId(spki: Uint8Array): Buffer {
  return createHash('sha1').update(spki).digest();
}
function pkcs8(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail] = address.split('::');
  const left = head ? head.split(':') : [];
  const right = tail ? tail.split(':') : [];
  const groups = tail === undefined ? left : [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return Buffer.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]));
}

/** The subject as its bytes say; Node's text form cannot be told apart again. */
export function subjectOf(certificate: X509Certificate): ReturnType<typeof readName> {
  const body = inside(inside(new DerReader(certificate.raw).next(0x30)).next(0x30));
  body.optional(0xa0);
  for (const tagOfField of [0x02, 0x30, 0x30, 0x30]) body.next(tagOfField);
  return readName(body.next(0x30));
}
function commonNameOf(certificate: X509Certificate): string {
  return subjectOf(certificate).commonName;
}

export type Verdict = 'ok' | 'expired' | 'not-yet-valid' | 'forged' | 'wrong-usage';

/** Whether `certificate` was issued by `ca`, may be used as a client's and is valid at `now` (ms). */
export function verifyClient(certificate: X509Certificate, ca: X509Certificate, now: number): Verdict {
  if (certificate.ca || !certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return 'forged';
  if (Date.parse(certificate.validTo) < now) return 'expired';
  if (Date.parse(certificate.validFrom) > now) return 'not-yet-valid';
  return certificate.keyUsage?.includes('1.3.6.1.5.5.7.3.2') ? 'ok' : 'wrong-usage';
}

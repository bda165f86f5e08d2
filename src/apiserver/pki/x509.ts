import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { bits, boolean, integer, octets, oid, pem, sequence, set, tag, tagged, time, utf8 } from './der.ts';

/** A certificate with its key, both PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}
export interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** Attribute 1.3.6.1.4.1.57683.2, in which Kubernetes looks for the uid of a user. */
  readonly uid?: string;
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

function issueLeaf(ca: Issued, subject: Subject, validity: Validity, usage: Buffer, more: readonly Buffer[]): Issued {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const authority = new X509Certificate(ca.cert);
  const extensions = [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0b10000000]), 7)),
    extension('2.5.29.37', false, sequence(usage)),
    extension('2.5.29.35', false, sequence(tag(0, keyId(authority.publicKey.export({ type: 'spki', format: 'der' }))))),
    ...more,
  ];
  const issuer = { commonName: commonNameOf(authority) };
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return { cert: certificate(subject, issuer, validity, spki, extensions, createPrivateKey(ca.key)), key: pkcs8(privateKey) };
}

function certificate(
  subject: Subject,
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
    name(subject),
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

/** Values of a subject in Node's line form (`O=a\nCN=b`, values escaped with a backslash). */
export function subjectOf(certificate: X509Certificate): Subject {
  const values = (key: string): string[] =>
    certificate.subject
      .split('\n')
      .filter((line) => line.startsWith(`${key}=`))
      .map((line) => line.slice(key.length + 1).replace(/\\(.)/g, '$1'));
  const [uid] = values('1.3.6.1.4.1.57683.2');
  return { commonName: values('CN')[0] ?? '', organizations: values('O'), ...(uid ? { uid } : {}) };
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

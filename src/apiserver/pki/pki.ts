import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#base';
import { issueCa, issueClient, issueServer, type Issued, type Subject } from './x509.ts';

const day = 86_400_000;
const caLife = 3650 * day;
const leafLife = 365 * day;
/** Renewed when less than this is left. */
const renewal = 30 * day;
/** Clocks of clients may lag. */
const skew = 5 * 60_000;

/** Certificates and keys of one instance, kept in a directory as NAME.crt and NAME.key (mode 0600). */
export interface Pki {
  readonly ca: Issued;
  /** The CA of proxies that vouch for users (front proxy). It is another one, so that no client certificate passes for a proxy's. */
  readonly proxyCa: Issued;
  /** PEM of the EC P-256 key that signs service-account tokens. */
  readonly tokenKey: string;
  /** Loads or makes a server certificate; made anew when near expiry, of another CA, or when a name is missing. */
  server(file: string, names: readonly string[]): Promise<Issued>;
  /** Loads or makes a client certificate. */
  client(file: string, subject: Subject): Promise<Issued>;
  /** Loads or makes the certificate by which this server vouches for users to the servers that extend it. */
  proxyClient(): Promise<Issued>;
}
/** Common name of the proxy's certificate: the only one that may vouch for users. */
export const proxyName = 'front-proxy-client';

/** Loads what is in `directory` and makes what is missing. A broken file is an error that names it: keys are never thrown away. */
export async function openPki(directory: string, clock: Clock): Promise<Pki> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const now = clock.now();
  const validity = (life: number): { notBefore: number; notAfter: number } => ({ notBefore: now - skew, notAfter: now + life });
  const authority = async (file: string, name: string): Promise<Issued> =>
    (await load(directory, file)) ?? (await save(directory, file, issueCa(name, validity(caLife))));
  const [ca, proxyCa, tokenKey] = await Promise.all([authority('ca', 'batuta-ca'), authority('front-proxy-ca', 'front-proxy-ca'), loadTokenKey(directory)]);
  const leaf = async (file: string, issuer: Issued, fits: (certificate: X509Certificate) => boolean, make: () => Issued): Promise<Issued> => {
    const present = await load(directory, file);
    if (present && usable(present, issuer, now, fits)) return present;
    return save(directory, file, make());
  };
  const client = (file: string, issuer: Issued, subject: Subject): Promise<Issued> =>
    leaf(
      file,
      issuer,
      (certificate) => hasSubject(certificate, subject),
      () => issueClient(issuer, { ...subject, ...validity(leafLife) }),
    );
  return {
    ca,
    proxyCa,
    tokenKey,
    server: (file, names) =>
      leaf(
        file,
        ca,
        (certificate) => names.every((name) => certificate.checkHost(name) !== undefined || certificate.checkIP(name) !== undefined),
        () => issueServer(ca, { commonName: file, names, ...validity(leafLife) }),
      ),
    client: (file, subject) => client(file, ca, subject),
    proxyClient: () => client(proxyName, proxyCa, { commonName: proxyName }),
  };
}

function usable(issued: Issued, ca: Issued, now: number, fits: (certificate: X509Certificate) => boolean): boolean {
  const certificate = new X509Certificate(issued.cert);
  return certificate.verify(new X509Certificate(ca.cert).publicKey) && Date.parse(certificate.validTo) - now > renewal && fits(certificate);
}
function hasSubject(certificate: X509Certificate, { commonName, organizations = [] }: Subject): boolean {
  return certificate.subject === [...organizations.map((value) => `O=${value}`), `CN=${commonName}`].join('\n');
}

async function load(directory: string, name: string): Promise<Issued | undefined> {
  const [cert, key] = await Promise.all([read(join(directory, `${name}.crt`)), read(join(directory, `${name}.key`))]);
  if (cert === undefined || key === undefined) return undefined;
  try {
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error('certificate and key do not belong together');
  } catch (error) {
    throw new Error(`${join(directory, name)}.crt or .key is damaged (${(error as Error).message}): restore it, or remove both files to have new ones made`, {
      cause: error,
    });
  }
  return { cert, key };
}
async function save(directory: string, name: string, issued: Issued): Promise<Issued> {
  await Promise.all([write(join(directory, `${name}.key`), issued.key), write(join(directory, `${name}.crt`), issued.cert)]);
  return issued;
}
async function loadTokenKey(directory: string): Promise<string> {
  const path = join(directory, 'service-account.key');
  const present = await read(path);
  if (present !== undefined) return present;
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await write(path, key);
  return key;
}
async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
/** Durable and whole: a crash leaves the old file or the new one. */
async function write(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { aesCbc, aesGcm, identity, loadSecretbox, type EncryptionRule, type Transformer, type TransformerKey } from '#store';
import { UserError } from './errors.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';

type Fields = Record<string, unknown>;
interface Cipher {
  /** May have to load what it is made of. */
  make(key: TransformerKey): Transformer | Promise<Transformer>;
  readonly bytes: readonly number[];
}
const ciphers: { readonly [provider: string]: Cipher } = {
  aesgcm: { make: aesGcm, bytes: [16, 24, 32] },
  aescbc: { make: aesCbc, bytes: [16, 24, 32] },
  secretbox: { make: async (key) => (await loadSecretbox())(key), bytes: [32] },
};
const known = [...Object.keys(ciphers), 'identity'].join(', ');

/**
 * Which values are encrypted how: by the EncryptionConfiguration (apiserver.config.k8s.io/v1) that was asked for, or
 * Secrets by a key that is made on first use and kept beside the database. Throws UserError.
 */
export async function loadEncryption(options: Pick<UpOptions, 'encryptionConfig' | 'store'>, paths: Pick<Paths, 'encryption'>): Promise<EncryptionRule[]> {
  const file = options.encryptionConfig ?? (options.store === 'memory' ? undefined : ownConfiguration(paths.encryption));
  return file === undefined ? [] : parseEncryption(readFile(file), file);
}

/** JSON, which is YAML too: it is read at every start. */
function ownConfiguration(file: string): string {
  if (existsSync(file)) return file;
  const keys = [{ name: 'key1', secret: randomBytes(32).toString('base64') }];
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    // What was written before there was a key is read as it is.
    resources: [{ resources: ['secrets'], providers: [{ aesgcm: { keys } }, { identity: {} }] }],
  };
  writeFileSync(`${file}.tmp`, JSON.stringify(configuration, null, 2) + '\n', { mode: 0o600, flush: true });
  renameSync(`${file}.tmp`, file);
  return file;
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`the encryption configuration cannot be read: ${(error as Error).message}`);
  }
}

/** The rules of an EncryptionConfiguration; of several that fit a resource the first counts. Throws UserError that names the field. */
export async function parseEncryption(text: string, file: string): Promise<EncryptionRule[]> {
  const refuse = (path: string, why: string): never => {
    throw new UserError(`${file}: ${path}: ${why}`);
  };
  const document = fields(await parse(text).catch((error: Error) => refuse('document', error.message)));
  if (document['kind'] !== 'EncryptionConfiguration') refuse('kind', 'must be EncryptionConfiguration (apiVersion apiserver.config.k8s.io/v1)');
  const rules: EncryptionRule[] = [];
  for (const [i, entry] of list(document['resources']).entries()) {
    const at = `resources[${i}]`;
    const { resources, providers } = fields(entry);
    const transformers: Transformer[] = [];
    for (const [n, provider] of list(providers).entries()) transformers.push(...(await readProvider(fields(provider), `${at}.providers[${n}]`, refuse)));
    const [first, ...rest] = transformers;
    if (!first) return refuse(`${at}.providers`, 'at least one provider is needed');
    const names = list(resources);
    if (names.length === 0) refuse(`${at}.resources`, 'at least one resource is needed');
    for (const name of names) rules.push({ prefix: prefixOf(name, `${at}.resources`, refuse), transformers: [first, ...rest] });
  }
  if (rules.length === 0) refuse('resources', 'at least one entry is needed');
  return rules;
}

type Refuse = (path: string, why: string) => never;

async function readProvider(provider: Fields, path: string, refuse: Refuse): Promise<Transformer[]> {
  const names = Object.keys(provider);
  const name = names[0];
  if (name === undefined || names.length > 1) return refuse(path, `exactly one provider is needed, of ${known}`);
  if (name === 'identity') return [identity];
  const cipher = ciphers[name] ?? refuse(`${path}.${name}`, `this provider is not implemented; there are ${known}`);
  const keys = list(fields(provider[name])['keys']);
  if (keys.length === 0) refuse(`${path}.${name}.keys`, 'at least one key is needed');
  const read = keys.map((key, i) => readKey(fields(key), cipher.bytes, `${path}.${name}.keys[${i}]`, refuse));
  return Promise.all(read.map(async (key) => cipher.make(key)));
}

function readKey({ name, secret }: Fields, sizes: readonly number[], path: string, refuse: Refuse): TransformerKey {
  if (typeof name !== 'string' || name === '' || name.includes(':')) return refuse(`${path}.name`, 'a name without a colon is needed');
  if (typeof secret !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(secret)) return refuse(`${path}.secret`, 'the key in base64 is needed');
  const bytes = Buffer.from(secret, 'base64');
  if (!sizes.includes(bytes.length)) return refuse(`${path}.secret`, `a key of ${sizes.join(', ')} bytes is needed, not of ${bytes.length}`);
  return { name, secret: bytes };
}

/** Where the objects of `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group) or `*.*` are in the store. */
function prefixOf(resource: unknown, path: string, refuse: Refuse): string {
  if (typeof resource !== 'string' || !/^(\*|[a-z0-9]+)(\.[a-z0-9.*-]*)?$/.test(resource)) {
    return refuse(path, `${JSON.stringify(resource)} is not a resource such as secrets, deployments.apps, *.apps or *.*`);
  }
  const dot = resource.indexOf('.');
  const plural = dot < 0 ? resource : resource.slice(0, dot);
  const group = dot < 0 ? '' : resource.slice(dot + 1);
  if (group === '*') return plural === '*' ? '/registry/' : refuse(path, `${resource} is not allowed: use *.*`);
  if (plural === '*' && dot < 0) return refuse(path, 'use *.* for everything, *. for the core group');
  return `/registry/${group || 'core'}/${plural === '*' ? '' : `${plural}/`}`;
}

/** JSON without the YAML parser, which takes its time to load: the store opens before anything else is there. */
async function parse(text: string): Promise<unknown> {
  if (text.startsWith('{')) return JSON.parse(text);
  const { parseYaml } = await import('#machinery');
  return (await parseYaml(text)).value;
}
function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, seededRandom, silentLogger, systemClock } from '#base';
import { RegistryError, startRegistry, type AccessRequest } from '#registry';
import { EventBus, type AwsEvent } from '../../events/bus.ts';
import type { Caller } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { authorize } from '../../gateway/authorize.ts';
import type { Action } from '../../gateway/service.ts';
import type { Identities } from '../../iam/identities.ts';
import { parsePolicy } from '../../iam/policy/document.ts';
import { testCall, testRoot, testState } from '../../testing.ts';
import type { Images } from './images.ts';
import { Refusal } from './refusal.ts';
import { createSealer } from './tokens.ts';
import { createReplication, Ecr, ecrKinds, ecrService, openDoor, type EcrDeps, type EcrDoor } from './index.ts';

export const DAY = 24 * 60 * 60 * 1000;
export const imageType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
export const sha = (content: string): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const user = (name: string, account: string): Caller => ({
  type: 'user',
  arn: `arn:aws:iam::${account}:user/${name}`,
  account,
  userId: name,
  accessKeyId: name,
});
const callers: Readonly<Record<string, Caller>> = {
  root: testRoot,
  test: testRoot,
  bob: user('bob', '000000000000'),
  carol: user('carol', '111111111111'),
  other: { ...testRoot, arn: 'arn:aws:iam::111111111111:root', account: '111111111111', accessKeyId: 'other' },
};
const all = {
  name: 'all',
  policy: parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'ecr:*', Resource: '*' }] }), 'identity'),
};
/** Carol may do everything that others let her; Bob nothing of himself. */
const identities: Identities = {
  ready: async () => {},
  credentials: (id) => (callers[id] ? { secret: '', caller: callers[id] } : undefined),
  policies: (caller) => ({ identityPolicies: caller.accessKeyId === 'carol' ? [all] : [] }),
  tags: () => ({}),
};

/** A registry whose mounts fail a few times. */
function failing(registry: Images, outside: { mountFails: number }): Images {
  return new Proxy(registry, {
    get(target, name) {
      if (name === 'mountBlob' && outside.mountFails-- > 0) return () => Promise.reject(new Error('no space left on the disk'));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as (...given: unknown[]) => unknown).bind(target) : value;
    },
  });
}

function toDoor({ message, registry, repository, operation, reference, into }: AccessRequest): Parameters<EcrDoor['authorize']>[0] {
  const [account = '', region = ''] = registry.split('/');
  const layerToken = new URL(message.url ?? '', 'http://x').searchParams.get('token') ?? undefined;
  const { authorization } = message.headers;
  return { place: { account, region }, repository, operation, reference, into, authorization, layerToken, ip: '127.0.0.1', host: 'x', userAgent: '' };
}

/** ECR with a real registry below it and a few callers, without the gateway. */
export async function ecrWorld(more: Partial<EcrDeps> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-ecr-'));
  const clock = new FakeClock(systemClock.now());
  let door: EcrDoor;
  /** What tests change while it runs. */
  const outside = { mountFails: 0, upstreamDown: false, upstreamLogin: '', using: new Map<string, readonly string[]>(), secrets: new Map<string, string>() };
  /** What follows pushes. */
  const following: Promise<void>[] = [];
  const refusing = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof Refusal) throw new RegistryError(error.code, error.message, undefined, { headers: error.headers });
      throw error;
    }
  };
  const later = async (work: Promise<void> | undefined): Promise<void> => {
    await work?.catch((error: unknown) =>
      refusing(() => {
        throw error;
      }),
    );
  };

  const state = await testState(ecrKinds);
  const server = await startRegistry({
    dir,
    listen: ['127.0.0.1'],
    port: 0,
    clock,
    random: seededRandom(1),
    log: silentLogger,
    registryOf: ({ headers }) => String(headers['x-registry'] ?? '000000000000/us-east-1'),
    recordsPull: (request) => request.registry === 'upstream' || door.recordsPull(toDoor(request)),
    authorize: (request) => {
      const { message, registry } = request;
      if (message.headers['x-upstream'] !== undefined || registry === 'upstream') return;
      refusing(() => door.authorize(toDoor(request)));
    },
    rules: {
      create: (registry, name) => (registry === 'upstream' ? undefined : later(door.create(registry, name))),
      tag: (...given) => refusing(() => door.tag(...given)),
      missing: (...given) => later(refusing(() => door.missing(...given))),
    },
    onEvent: (event) => {
      if (event.type === 'manifest-deleted') following.push(door.deleted(event.registry, event.repository, event.digest, event.tags));
      if (event.type === 'tag-deleted') following.push(door.deleted(event.registry, event.repository, event.digest, [event.tag]));
      if (event.type === 'manifest-pushed') following.push(door.pushed(event.registry, event.repository, event.digest, event.tag));
    },
  });
  const bus = new EventBus({ clock, random: seededRandom(3), log: silentLogger });
  const events: AwsEvent[] = [];
  bus.subscribe((event) => void events.push(event));
  const ecr = new Ecr({
    state,
    events: bus,
    images: failing(server.registry, outside),
    clock,
    log: silentLogger,
    sealer: createSealer(Buffer.alloc(32, 1), 'ecr'),
    hostOf: ({ account, region }) => `${account}.dkr.ecr.${region}.localhost:5000`,
    ...more,
    usedBy: () => outside.using,
    secret: async (arn) => {
      if (outside.secrets.get(arn) === 'locked') throw new Error('access denied');
      return outside.secrets.get(arn);
    },
    fetch: async (url, init) => {
      if (outside.upstreamDown) throw new Error('connection refused');
      const { authorization = '' } = init.headers;
      if (authorization !== outside.upstreamLogin) return new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="upstream"' } });
      return fetch(url.replace('upstream.localhost', '127.0.0.1'), { headers: { accept: init.headers['accept'] ?? '*/*', 'x-registry': 'upstream' } });
    },
  });
  const replication = createReplication(ecr);
  const service = ecrService(ecr, replication);
  const open = (): EcrDoor => openDoor({ ecr, replication, identities, clock, random: seededRandom(2), log: silentLogger });
  door = open();
  /** What a start after a crash does. */
  const reopen = (): void => void (door = open());

  const random = seededRandom(4);
  async function call<T = Record<string, never>>(action: string, input: object = {}, who = 'root', region = 'us-east-1'): Promise<T> {
    const found = service.actions[action];
    assert.ok(found, action);
    const caller = callers[who] as Caller;
    const made = testCall('ecr', action, { state, caller, account: caller.account, region, clock, random });
    authorize({ call: made, service, action: found, input: input as never, identities });
    return (await (found as unknown as Action<object, T>).handle(input, made)) as T;
  }
  const refused = (code: string, message: string | RegExp) => (error: unknown) => {
    assert.ok(error instanceof AwsError, String(error));
    assert.equal(error.code, code);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  };
  const login = async (who: string, region = 'us-east-1'): Promise<string> => {
    // Without a permission to ask for one, Bob still holds a login that was given to him.
    const { sealer } = ecr.deps;
    const { account } = callers[who] as Caller;
    return `Basic ${Buffer.from(`AWS:${sealer.seal({ use: 'login', accessKeyId: who, account, region, expires: clock.now() + DAY / 2 })}`).toString('base64')}`;
  };
  async function http(
    method: string,
    path: string,
    {
      who = 'root',
      body,
      type,
      registry,
      authorization,
    }: { who?: string | undefined; body?: string; type?: string; registry?: string; authorization?: string } = {},
  ) {
    const headers: Record<string, string> = { authorization: authorization ?? (who === '' ? '' : await login(who)) };
    if (headers['authorization'] === '') delete headers['authorization'];
    if (type) headers['content-type'] = type;
    if (registry) headers['x-registry'] = registry;
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  const manifest = (layer: string, more: object = {}): string =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: imageType,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: sha('{}'), size: 2 },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha(layer), size: layer.length }],
      ...more,
    });
  /** Pushes an image of one layer; gives its digest, or the answer that refused it. */
  async function push(name: string, tag: string, layer: string, how: { who?: string; registry?: string } = {}): Promise<string> {
    for (const content of ['{}', layer]) {
      const put = await http('POST', `/v2/${name}/blobs/uploads/?digest=${sha(content)}`, { ...how, body: content });
      if (put.status !== 201) return `${put.status} ${put.text}`;
    }
    const put = await http('PUT', `/v2/${name}/manifests/${tag}`, { ...how, body: manifest(layer), type: imageType });
    await Promise.all(following.splice(0));
    return put.status === 201 ? (put.headers.get('docker-content-digest') ?? '') : `${put.status} ${put.text}`;
  }
  const denied = (action: string, name: string): RegExp =>
    new RegExp(
      `^403 .*"DENIED".*user/bob is not authorized to perform: ecr:${action} on resource: arn:aws:ecr:us-east-1:000000000000:repository/${name} because no identity-based policy allows`,
    );

  const stop = async (): Promise<void> => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  /** The events since the last look. */
  const told = (): AwsEvent[] => events.splice(0);
  return { told, reopen, clock, server, ecr, door, outside, call, refused, http, manifest, push, denied, stop };
}
export type EcrWorld = Awaited<ReturnType<typeof ecrWorld>>;

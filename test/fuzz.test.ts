/**
 * Bad input: whatever comes in, the answer is the caller's fault in the API's own words (ApiError, never a crash or an
 * internal error), and what was stored stays as it was. FUZZ_RUNS=10000 tries that
 * many new cases; fast-check prints the seed and the smallest case of a failure.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  applyPatch,
  decodeObject,
  isApiError,
  jsonPatch,
  mergePatch,
  parseFieldSelector,
  parseJsonStrict,
  parseLabelSelector,
  parseYaml,
  ProtobufDecoder,
  schemaView,
  strategicMergePatch,
  type Json,
  type Kind,
  type KubeObject,
} from '#machinery';
import { allKinds, Deployment, loadProtobuf, Namespace, Pod, schemas, Service, ServiceAccount } from '#kinds';
import { seededRandom, silentLogger, systemClock } from '#base';
import { createApiServer, openPki, standardParts } from '#apiserver';
import { createMemoryStore } from '#store';

const wanted = process.env['FUZZ_RUNS'];
const numRuns = Number(wanted ?? 100);
// The same cases at every check; new ones when more are asked for.
if (!wanted) fc.configureGlobal({ seed: 20261124 });
const options = { numRuns };

/** Runs it; only refusals in the API's words may come out. */
function refusedOr<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (isApiError(error) && error.reason !== 'InternalError') return undefined;
    throw error;
  }
}
async function refusedOrLater<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isApiError(error) && error.reason !== 'InternalError') return undefined;
    throw error;
  }
}

const anyJson = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }) as fc.Arbitrary<Json>;
const oddValue: fc.Arbitrary<Json> = fc.oneof(
  anyJson,
  fc.constantFrom<Json>(
    '',
    'x'.repeat(300),
    '1Gi',
    '-1',
    '1e999',
    '2026-13-01T00:00:00Z',
    '__proto__',
    0,
    -1,
    2 ** 53,
    1e300,
    0.5,
    true,
    null,
    [],
    {},
    [null],
    [[]],
    { a: null },
  ),
);

const pod: Json = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'p',
    namespace: 'default',
    labels: { a: 'b' },
    finalizers: ['example.com/x'],
    ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }],
  },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        env: [{ name: 'A', value: '1' }],
        ports: [{ containerPort: 80 }],
        resources: { limits: { cpu: '1', memory: '1Gi' } },
        livenessProbe: { httpGet: { port: 80 } },
      },
    ],
    volumes: [{ name: 'v', emptyDir: {} }],
    tolerations: [{ key: 'k', operator: 'Exists' }],
    nodeSelector: { a: 'b' },
  },
};
const template = { metadata: { labels: { a: 'b' } }, spec: (pod as { spec: Json }).spec };
const deployment: Json = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', namespace: 'default' },
  spec: { replicas: 1, selector: { matchLabels: { a: 'b' } }, template, strategy: { type: 'RollingUpdate' } },
};
const service: Json = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', namespace: 'default' },
  spec: { selector: { a: 'b' }, ports: [{ port: 80, targetPort: 'http' }] },
};
const subjects: readonly [Kind, Json][] = [
  [Pod as unknown as Kind, pod],
  [Deployment as unknown as Kind, deployment],
  [Service as unknown as Kind, service],
];

const subject = fc.nat(subjects.length - 1);

/** A copy with one place, chosen by `at`, changed: replaced, removed, or with a member more. */
function mutate(value: Json, at: number, odd: Json, how: number): Json {
  const copy = structuredClone(value);
  const places: [Record<string, Json>, string][] = [];
  const walk = (node: Json): void => {
    if (node === null || typeof node !== 'object') return;
    for (const key of Object.keys(node)) {
      places.push([node as Record<string, Json>, key]);
      walk((node as Record<string, Json>)[key] as Json);
    }
  };
  walk(copy);
  const [holder, key] = places[at % places.length] as [Record<string, Json>, string];
  if (how === 0) holder[key] = odd;
  else if (how === 1 && !Array.isArray(holder)) delete holder[key];
  else if (Array.isArray(holder)) (holder as Json[]).push(odd);
  else holder['$patch'] = odd;
  return copy;
}
const mutated = fc.tuple(fc.nat(1000), oddValue, fc.nat(2));

test('JSON, YAML and what decoding makes of them', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.array(fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', ' ')).map((a) => a.join('')),
      ),
      (text) => {
        refusedOr(() => parseJsonStrict(text));
      },
    ),
    options,
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.array(fc.constantFrom('a: ', '- ', '\n', '  ', '&x ', '*x', '{', '}', '!!', '|', '>', '"', '---\n', '<<: ')).map((a) => a.join('')),
      ),
      async (text) => {
        await refusedOrLater(() => parseYaml(text));
      },
    ),
    options,
  );
  fc.assert(
    fc.property(fc.nat(allKinds.length - 1), anyJson, (index, value) => {
      refusedOr(() => decodeObject(schemas, allKinds[index] as Kind, value, { mode: 'Strict' }));
    }),
    options,
  );
  fc.assert(
    fc.property(subject, mutated, (index, [at, odd, how]) => {
      const [kind, value] = subjects[index] as [Kind, Json];
      const decoded = refusedOr(() => decodeObject(schemas, kind, mutate(value, at, odd, how), { mode: 'Warn' }));
      if (!decoded) return;
      kind.defaults?.(decoded.object);
      refusedOr(() => kind.validate?.(decoded.object, undefined));
    }),
    { numRuns: numRuns * 4 },
  );
});

test('protobuf: garbage and damaged messages', () => {
  const decoder = new ProtobufDecoder(loadProtobuf);
  const magic = Buffer.from('k8s\0', 'latin1');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, withMagic) => {
      refusedOr(() => decoder.decode(withMagic ? Buffer.concat([magic, bytes]) : Buffer.from(bytes)));
    }),
    options,
  );
});

test('selectors', () => {
  const pieces = fc
    .array(fc.constantFrom('a', 'b/c', '=', '==', '!=', '!', ' in ', ' notin ', '(', ')', ',', '>', '<', ' ', '\\', '1', 'é', 'metadata.name'))
    .map((a) => a.join(''));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string()), (text) => {
      refusedOr(() => parseLabelSelector(text)({ a: '1' }));
      refusedOr(() => parseFieldSelector(text, Pod)({ metadata: { name: 'a' } }));
    }),
    { numRuns: numRuns * 4 },
  );
});

test('patches leave their target alone and give an object or a refusal', () => {
  const view = schemaView(schemas);
  const pointer = fc.constantFrom(
    '',
    '/',
    '/spec',
    '/spec/containers/0/image',
    '/spec/containers/-',
    '/metadata/labels/a~1b',
    '/metadata/~2',
    '/__proto__/x',
    '/spec/containers/00',
    'spec',
  );
  const operation = fc.record(
    { op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'jump'), path: fc.oneof(pointer, oddValue), from: pointer, value: oddValue },
    { requiredKeys: ['op'] },
  );
  const target = Object.freeze(structuredClone(pod));
  const before = JSON.stringify(target);
  fc.assert(
    fc.property(fc.oneof(fc.array(operation, { maxLength: 4 }), anyJson), (patch) => {
      refusedOr(() => jsonPatch(target, patch as Json));
      assert.equal(JSON.stringify(target), before);
    }),
    options,
  );
  fc.assert(
    fc.property(mutated, anyJson, ([at, odd, how], other) => {
      const patch = mutate(pod, at, odd, how);
      refusedOr(() => mergePatch(target, patch));
      refusedOr(() => mergePatch(target, other));
      refusedOr(() => strategicMergePatch(target, patch, view, 'V1Pod'));
      refusedOr(() => strategicMergePatch(target, other, view, 'V1Pod'));
      for (const body of [patch, other])
        refusedOr(() =>
          applyPatch({ live: target as KubeObject, patch: body, manager: 'm', apiVersion: 'v1', schema: view, type: 'V1Pod', now: 0, force: true }),
        );
      assert.equal(JSON.stringify(target), before);
      assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    }),
    { numRuns: numRuns * 2 },
  );
});

const patchTypes = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;

test('nothing is half-written: what is refused over HTTP leaves the stored object and its version', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-'));
  const pki = await openPki(directory, systemClock);
  const identity = await pki.client('admin', { commonName: 'admin', organizations: ['system:masters'] });
  const random = seededRandom(1);
  const parts = standardParts({ clock: systemClock, random, serviceCidr: '10.96.0.0/16', clientCa: pki.ca.cert, tokenKey: pki.tokenKey });
  const tls = { ...(await pki.server('api', ['127.0.0.1'])), clientCa: pki.ca.cert };
  const server = createApiServer({ ...parts, clock: systemClock, random, log: silentLogger, kinds: allKinds, schemas, store: createMemoryStore(), tls });
  await server.ready();
  const api = server.api({ username: 'admin', groups: ['system:masters'] });
  await api.create(Namespace, { metadata: { name: 'default' } });
  await api.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
  for (const [kind, object] of subjects) await api.create(kind, decodeObject(schemas, kind, structuredClone(object), {}).object);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const agent = new Agent({ keepAlive: true });
  const ask = (method: string, path: string, body: string, type: string): Promise<{ code: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': type, 'content-length': String(Buffer.byteLength(body)) };
      const outgoing = request({ host: '127.0.0.1', port, method, path, agent, ...identity, rejectUnauthorized: false, headers }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ code: response.statusCode ?? 0, text }));
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  const judge = (answer: { code: number; text: string }): void => assert.doesNotMatch(answer.text.slice(0, 400), /InternalError/);
  try {
    await fc.assert(
      fc.asyncProperty(subject, fc.nat(3), mutated, fc.boolean(), async (index, how, [at, odd, change], replace) => {
        const [kind, object] = subjects[index] as [Kind, Json];
        const { name } = (object as { metadata: { name: string } }).metadata;
        const type = patchTypes[how] as string;
        const stored = await api.get(kind, { namespace: 'default', name });
        const text = JSON.stringify(stored);
        const path = `/api${kind.group ? `s/${kind.group}` : ''}/${kind.version}/namespaces/default/${kind.plural}/${name}`;
        const changed = mutate(object, at, odd, change);
        const body = how === 0 ? [{ op: 'replace', path: ['/spec', '/metadata', '/metadata/labels'][at % 3], value: odd }] : changed;
        const answer = replace
          ? await ask('PUT', path, JSON.stringify(changed), 'application/json')
          : await ask('PATCH', `${path}?fieldManager=fuzz&force=${how === 3}`.replace('&force=false', ''), JSON.stringify(body), type);
        judge(answer);
        const now = await api.get(kind, { namespace: 'default', name });
        if (answer.code >= 300) assert.equal(JSON.stringify(now), text);
        assert.equal(now.metadata?.uid, stored.metadata?.uid);
        judge(
          await ask(
            'GET',
            `${path.replace(/[^/]*$/, '')}?labelSelector=${encodeURIComponent(JSON.stringify(odd))}&limit=${at}&continue=${encodeURIComponent(JSON.stringify(odd))}`,
            '',
            'application/json',
          ),
        );
        judge(await ask('GET', `${path}?resourceVersion=${encodeURIComponent(JSON.stringify(odd))}`, '', 'application/json'));
      }),
      { numRuns: numRuns * 2 },
    );
  } finally {
    agent.destroy();
    await server.close();
    await rm(directory, { recursive: true });
  }
});

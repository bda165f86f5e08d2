/** Every kind over the wire: raw HTTP for the verbs, kubectl for what only it does. Manifests: src/kinds/fixtures/. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import test, { after, before, describe } from 'node:test';
import type { Kind } from '#machinery';
import { allKinds } from '#kinds';
import { fixtures, type Manifest } from '../src/kinds/fixtures/index.ts';
import { useCluster } from './harness.ts';

interface Answer {
  status: number;
  warnings: string;
  text: string;
}
interface Thing {
  apiVersion: string;
  kind: string;
  metadata: { name: string; resourceVersion: string; labels?: Record<string, string> };
  items?: Thing[];
  columnDefinitions?: { name: string }[];
  rows?: { cells: unknown[] }[];
  status?: unknown;
}
interface Frame {
  type: string;
  object: Thing;
}

const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const patches = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
const writable = allKinds.filter((kind) => kind.verbs.includes('create'));
const resource = (kind: Kind): string => (kind.group ? `${kind.plural}.${kind.version}.${kind.group}` : kind.plural);

function pathOf(kind: Kind, name = ''): string {
  const base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`;
  return `${base}${kind.namespaced ? '/namespaces/default' : ''}/${kind.plural}${name ? `/${encodeURIComponent(name)}` : ''}`;
}
const manifestOf = (kind: Kind, manifest: Manifest): object => ({
  apiVersion: kind.apiVersion,
  kind: kind.kind,
  ...manifest,
  metadata: { ...manifest.metadata, ...(kind.namespaced ? { namespace: 'default' } : {}) },
});

describe('every kind', () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0');
  let agent: Agent;
  before(() => {
    const config = readFileSync(my.cluster.kubeconfig, 'utf8');
    const field = (name: string): Buffer => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(config)?.[1] ?? '', 'base64');
    agent = new Agent({
      keepAlive: true,
      ca: field('certificate-authority-data'),
      cert: field('client-certificate-data'),
      key: field('client-key-data'),
    });
  });
  after(() => agent.destroy());

  function open(method: string, path: string, headers: Record<string, string>, text: string | undefined, each: (chunk: string) => boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: my.cluster.kubePort, method, path, agent, headers }, (incoming) => {
        const done = (): void => resolve({ status: incoming.statusCode ?? 0, warnings: incoming.headers.warning ?? '', text: body });
        let body = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          body += chunk;
          if (!each(body)) return;
          done();
          outgoing.destroy();
        });
        incoming.on('end', done);
      });
      outgoing.on('error', reject);
      outgoing.end(text);
    });
  }
  function send(method: string, path: string, body?: object, type = 'application/json', accept = 'application/json'): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { accept, ...(text === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }) };
    return open(method, path, headers, text, () => false);
  }
  /** Sends, expects `status`, and gives the answer's object. */
  async function expect(status: number, ...args: Parameters<typeof send>): Promise<Thing> {
    const answer = await send(...args);
    assert.equal(answer.status, status, `${args[0]} ${args[1]}: ${answer.text.slice(0, 2000)}`);
    const deprecated = /\/endpoints\b/.test(args[1]) && answer.warnings.includes('v1 Endpoints is deprecated in v1.33+');
    if (!deprecated) assert.equal(answer.warnings, '', `${args[0]} ${args[1]}`);
    return JSON.parse(answer.text) as Thing;
  }
  /** PUT of what is there now; again when a controller was faster. */
  async function replace(path: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const answer = await send('PUT', `${path}?fieldValidation=Strict`, await expect(200, 'GET', path));
      if (answer.status === 409 && tries < 20) continue;
      return assert.equal(answer.status, 200, answer.text.slice(0, 2000));
    }
  }
  /** The events of one object since `from`, to its deletion. */
  async function history(kind: Kind, name: string, from: string): Promise<string[]> {
    const selector = encodeURIComponent(`metadata.name=${name}`);
    const path = `${pathOf(kind)}?watch=true&resourceVersion=${from}&timeoutSeconds=20&fieldSelector=${selector}`;
    const answer = await open('GET', path, { accept: 'application/json' }, undefined, (body) => body.includes('"DELETED"') && body.endsWith('\n'));
    assert.equal(answer.status, 200, answer.text);
    const frames = answer.text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Frame);
    for (const frame of frames) assert.equal(frame.object.kind, kind.kind, JSON.stringify(frame));
    return frames.map((frame) => frame.type);
  }

  async function verbs(kind: Kind, manifest: Manifest, how: { status?: unknown; collection: boolean }): Promise<void> {
    const { status } = how;
    const { name } = manifest.metadata;
    const [path, all] = [pathOf(kind, name), pathOf(kind)];
    const before = await expect(200, 'GET', all);
    await expect(201, 'POST', `${all}?dryRun=All&fieldValidation=Strict`, manifestOf(kind, manifest));
    await expect(404, 'GET', path);
    const created = await expect(201, 'POST', `${all}?fieldValidation=Strict`, manifestOf(kind, manifest));
    assert.equal(`${created.apiVersion}/${created.kind}`, `${kind.apiVersion}/${kind.kind}`);
    const read = await expect(200, 'GET', path);
    assert.equal(read.metadata.name, name);
    const listed = await expect(200, 'GET', `${all}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`);
    assert.deepEqual(
      listed.items?.map((item) => item.metadata.name),
      [name],
    );
    const { resourceVersion: _, ...metadata } = read.metadata;
    const blind = kind.unconditionalUpdate !== false;
    await expect(blind ? 200 : 422, 'PUT', `${path}?fieldValidation=Strict`, { ...read, metadata });
    if (!blind) await replace(path);

    await expect(200, 'PATCH', path, { metadata: { labels: { merge: 'yes' } } }, patches.merge);
    await expect(200, 'PATCH', path, [{ op: 'add', path: '/metadata/labels/json', value: 'yes' }], patches.json);
    await expect(200, 'PATCH', path, { metadata: { labels: { strategic: 'yes' } } }, patches.strategic);
    const applied = { apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name, labels: { apply: 'yes' } } };
    const patched = await expect(200, 'PATCH', `${path}?fieldManager=suite`, applied, patches.apply);
    for (const type of Object.keys(patches)) assert.equal(patched.metadata.labels?.[type], 'yes', type);

    const shown = await expect(200, 'GET', path, undefined, undefined, table);
    assert.deepEqual(
      shown.columnDefinitions?.map((column) => column.name),
      kind.columns.map((column) => column.name),
    );
    assert.equal(shown.rows?.[0]?.cells.length, kind.columns.length);
    if (status !== undefined) {
      await expect(200, 'PATCH', `${path}/status`, { status }, patches.merge);
      const body = await expect(200, 'GET', `${path}/status`);
      assert.ok(body.status, 'the status is there');
      await replace(`${path}/status`);
    }
    // Named, because jobs warn of their default.
    await expect(200, 'DELETE', `${path}?propagationPolicy=Background&dryRun=All`);
    if (how.collection && kind.verbs.includes('deletecollection')) {
      await expect(200, 'DELETE', `${all}?propagationPolicy=Background&labelSelector=merge%3Dno`);
      await expect(200, 'GET', path);
      await expect(200, 'DELETE', `${all}?propagationPolicy=Background&labelSelector=merge%3Dyes`);
    } else await expect(200, 'DELETE', `${path}?propagationPolicy=Background`);
    const events = await history(kind, name, before.metadata.resourceVersion);
    assert.equal(events[0], 'ADDED');
    assert.equal(events.at(-1), 'DELETED');
    assert.ok(events.slice(1, -1).every((type) => type === 'MODIFIED') && events.length >= 6, events.join());
    await expect(404, 'GET', path);
  }

  for (const kind of writable) {
    const fixture = fixtures[`${kind.apiVersion}/${kind.kind}`];
    test(`${kind.kind} of ${kind.apiVersion}: every verb`, async () => {
      assert.ok(fixture, 'src/kinds/fixtures/ has no manifests of it');
      await verbs(kind, fixture.minimal, { collection: false });
      await verbs(kind, fixture.full, { status: fixture.status, collection: true });
    });
  }

  test('kubectl applies all manifests strictly, sees no difference afterwards, and shows them wide', async () => {
    const manifests = writable.map((kind) => manifestOf(kind, fixtures[`${kind.apiVersion}/${kind.kind}`]!.full));
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
    const apply = await my.cluster.tryKubectl(['apply', '--validate=strict', '-f', '-'], { input });
    assert.equal(apply.code, 0, apply.err);
    assert.equal(apply.out.split('\n').filter((line) => / (created|configured|unchanged)$/.test(line)).length, manifests.length, apply.out);
    // A node that reports nothing gets taints, and a diff: that list is one value.
    const steady = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests.filter((manifest) => !('kind' in manifest && manifest.kind === 'Node')) });
    const diff = await my.cluster.tryKubectl(['diff', '-f', '-'], { input: steady });
    assert.equal(diff.code, 0, diff.out + diff.err);
    const wide = await my.cluster.tryKubectl(['get', '-A', '-o', 'wide', writable.map(resource).join(',')]);
    assert.equal(wide.code, 0, wide.err);
    for (const { metadata } of manifests as { metadata: { name: string } }[]) assert.ok(wide.out.includes(metadata.name), metadata.name);
    const gone = await my.cluster.tryKubectl(['delete', '--wait=false', '-f', '-'], { input });
    assert.equal(gone.code, 0, gone.err);
  });

  test('kubectl explains every kind', async () => {
    const explained = async (kind: Kind): Promise<void> => {
      const text = await my.cluster.kubectl('explain', kind.plural, '--api-version', kind.apiVersion, '--recursive');
      assert.match(text, new RegExp(`KIND: +${kind.kind}\n`));
      assert.match(text, /FIELDS:\n/);
    };
    const left = [...allKinds];
    const worker = async (): Promise<void> => {
      for (let kind = left.pop(); kind; kind = left.pop()) await explained(kind);
    };
    await Promise.all([worker(), worker(), worker()]);
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type APIResource, type ComputedGroup, type Json, unknownResource } from '#machinery';
import { admin } from '../test-support.ts';
import { serveHttps, type HttpsFixture } from '../testing/https.ts';

const resource = (name: string): APIResource => ({ name, singularName: '', namespaced: true, kind: 'Reading', verbs: ['get', 'list'] });
let changed: () => void = () => {};
const listed = [resource('readings')];
const readings: ComputedGroup = {
  group: 'weather.example.com',
  version: 'v1',
  resources: () => listed,
  follow: (told) => (changed = told),
  read({ plural, namespace, name, query }) {
    if (plural !== 'readings') throw unknownResource();
    const object = { kind: 'Reading', apiVersion: 'weather.example.com/v1', metadata: { name: name || 'only', namespace }, degrees: query.get('unit') };
    return name ? object : { kind: 'ReadingList', apiVersion: 'weather.example.com/v1', metadata: {}, items: [object] };
  },
  columns: [{ name: 'Name', type: 'string', format: 'name', description: '', value: (object) => object.metadata?.name }],
};
const base = '/apis/weather.example.com/v1';

describe('computed groups', () => {
  let https: HttpsFixture;
  const get = async (path: string, accept?: string): Promise<{ code: number; json: Record<string, never> & { items?: unknown } }> => {
    const { code, body } = await https.call('GET', path, accept ? { headers: { accept } } : {});
    return { code, json: JSON.parse(body) as Record<string, never> };
  };
  before(async () => {
    https = await serveHttps({ computed: [readings] });
  });
  after(() => https.close());

  it('answers reads as objects, tables and metadata', async () => {
    const one = await get(`${base}/namespaces/default/readings/here?unit=C`);
    assert.equal(one.code, 200);
    assert.deepEqual(one.json['metadata'], { name: 'here', namespace: 'default' });
    assert.equal(one.json['degrees'], 'C');
    const table = await get(`${base}/readings`, 'application/json;as=Table;v=v1;g=meta.k8s.io');
    assert.deepEqual((table.json as unknown as { rows: { cells: unknown[] }[] }).rows[0]?.cells, ['only']);
    const partial = await get(`${base}/readings`, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io');
    assert.equal(partial.json['kind'], 'PartialObjectMetadataList');
    assert.equal((await get(`${base}/nothing`)).code, 404);
  });
  it('refuses what does not read', async () => {
    for (const [method, path] of [
      ['POST', `${base}/namespaces/default/readings`],
      ['DELETE', `${base}/namespaces/default/readings/here`],
      ['GET', `${base}/readings?watch=1`],
    ] as const)
      assert.equal((await https.call(method, path)).code, 405, `${method} ${path}`);
  });
  it('is part of discovery, as it is now', async () => {
    const names = async (): Promise<string[]> => ((await get(base)).json as unknown as { resources: { name: string }[] }).resources.map(({ name }) => name);
    assert.deepEqual(await names(), ['readings']);
    listed.push(resource('readings/humidity'));
    changed();
    assert.deepEqual(await names(), ['readings', 'readings/humidity']);
    const { json } = await get('/apis', 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    const item = (json.items as unknown as { metadata: { name: string }; versions: unknown[] }[]).find(({ metadata }) => metadata.name === readings.group);
    assert.deepEqual(item?.versions, [
      {
        version: 'v1',
        resources: [
          {
            resource: 'readings',
            responseKind: { group: readings.group, version: 'v1', kind: 'Reading' },
            scope: 'Namespaced',
            singularResource: '',
            verbs: ['get', 'list'],
            subresources: [{ subresource: 'humidity', responseKind: { group: readings.group, version: 'v1', kind: 'Reading' }, verbs: ['get', 'list'] }],
          },
        ],
        freshness: 'Current',
      },
    ]);
    assert.equal((await get('/apis/weather.example.com')).code, 200);
  });
  it('can be read in the process', async () => {
    const api = https.server.api(admin);
    assert.equal((await api.read<{ degrees: Json }>(`${base}/namespaces/a/readings/b?unit=K`)).degrees, 'K');
    const missing = 'the server could not find the requested resource (get pods.metrics.k8s.io)';
    await assert.rejects(api.read('/apis/metrics.k8s.io/v1beta1/pods'), { message: missing, reason: 'NotFound' });
  });
});

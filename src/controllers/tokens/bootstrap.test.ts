import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { formatTime } from '#base';
import { ConfigMap, Secret, type V1Secret } from '#kinds';
import { createWorld, type World } from '../testing/world.ts';
import { bootstrapSignerController, bootstrapTokenCleanerController } from './bootstrap.ts';

const start = (): World => createWorld([bootstrapTokenCleanerController, bootstrapSignerController]);
function token(id: string, more: { [name: string]: string } = {}): V1Secret {
  const data = { 'token-id': id, 'token-secret': `secret-of-${id}`, 'usage-bootstrap-signing': 'true', ...more };
  return {
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
  };
}
const names = (w: World): string[] => w.api.all(Secret).map((s) => s.metadata?.name ?? '');
const signed = (w: World): string[] => Object.keys(w.api.all(ConfigMap)[0]?.data ?? {}).sort();

test('a token goes when its time is over, also when that cannot be read', async () => {
  const w = start();
  const inAMinute = formatTime(w.clock.now() + 60_000);
  for (const [id, more] of [
    ['aaaaaa', { expiration: inAMinute }],
    ['bbbbbb', {}],
    ['cccccc', { expiration: 'soon' }],
  ] as const)
    w.api.put(Secret, token(id, more));
  w.api.put(Secret, { ...token('dddddd', { expiration: 'soon' }), metadata: { name: 'elsewhere', namespace: 'default' } });
  await w.run(50_000);
  assert.deepEqual(names(w), ['bootstrap-token-aaaaaa', 'bootstrap-token-bbbbbb', 'elsewhere']);
  await w.run(11_000);
  assert.deepEqual(names(w), ['bootstrap-token-bbbbbb', 'elsewhere']);
  await w.stop();
});

test('cluster-info is signed by the tokens that are meant for it, as long as they hold', async () => {
  const w = start();
  w.api.put(Secret, token('aaaaaa', { expiration: formatTime(w.clock.now() + 60_000) }));
  w.api.put(Secret, token('bbbbbb', { 'usage-bootstrap-signing': 'false' }));
  w.api.put(ConfigMap, { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig: 'CONFIG', 'jws-kubeconfig-zzzzzz': 'old' } });
  await w.run();
  assert.deepEqual(signed(w), ['jws-kubeconfig-aaaaaa', 'kubeconfig']);
  const [header = '', content, signature] = (w.api.all(ConfigMap)[0]?.data?.['jws-kubeconfig-aaaaaa'] ?? '').split('.');
  assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'HS256', kid: 'aaaaaa' });
  assert.equal(content, '');
  const expected = createHmac('sha256', 'secret-of-aaaaaa')
    .update(`${header}.${Buffer.from('CONFIG').toString('base64url')}`)
    .digest('base64url');
  assert.equal(signature, expected);
  w.api.writes.length = 0;
  await w.run(30_000);
  assert.deepEqual(w.api.writes, []);
  await w.run(31_000);
  assert.deepEqual(signed(w), ['kubeconfig']);
  await w.stop();
});

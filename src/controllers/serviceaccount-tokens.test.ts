import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Secret, ServiceAccount, type V1Secret } from '#kinds';
import { serviceAccountTokenController } from './serviceaccount-tokens.ts';
import { createWorld, type World } from './testing/world.ts';

const options = { rootCa: 'CA', signLegacyToken: (claims: object) => `token of ${JSON.stringify(claims)}` };
const text = (secret: V1Secret | undefined, field: string): string => Buffer.from(secret?.data?.[field] ?? '', 'base64').toString();
function start(): World {
  const world = createWorld([serviceAccountTokenController], options);
  world.api.put(ServiceAccount, { metadata: { name: 'robot', namespace: 'a', uid: 'u1' } });
  world.api.put(Secret, {
    metadata: { name: 's', namespace: 'a', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
    data: { own: 'eA==' },
  });
  return world;
}
const find = (world: World): V1Secret | undefined => world.api.all(Secret)[0];

describe('Secrets for service-account tokens', () => {
  it('are filled, once', async () => {
    const world = start();
    await world.run(1000);
    const secret = find(world);
    assert.deepEqual(
      [text(secret, 'token'), text(secret, 'ca.crt'), text(secret, 'namespace'), text(secret, 'own')],
      ['token of {"namespace":"a","secret":"s","serviceaccount":{"name":"robot","uid":"u1"}}', 'CA', 'a', 'x'],
    );
    assert.equal(secret?.metadata?.annotations?.['kubernetes.io/service-account.uid'], 'u1');
    world.api.writes.length = 0;
    await world.run(5000);
    assert.deepEqual(world.api.writes, []);
    await world.stop();
  });
  it('go with their account', async () => {
    const world = start();
    await world.run(1000);
    world.api.drop(ServiceAccount, 'a', 'robot');
    world.api.put(ServiceAccount, { metadata: { name: 'robot', namespace: 'a', uid: 'u2' } });
    await world.run(1000);
    assert.equal(find(world), undefined, 'made again under another uid');
    await world.stop();
  });
  it('of no account are removed', async () => {
    const world = start();
    world.api.drop(ServiceAccount, 'a', 'robot');
    await world.run(1000);
    assert.equal(find(world), undefined);
    await world.stop();
  });
});

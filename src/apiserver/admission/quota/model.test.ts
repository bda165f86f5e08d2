import assert from 'node:assert/strict';
import { it } from 'node:test';
import * as fc from 'fast-check';
import { FakeClock, quantityToMilli, seededRandom, settle } from '#base';
import { allKinds, ConfigMap, Namespace, Pod, ResourceQuota, schemas, type V1Pod, type V1ResourceQuota } from '#kinds';
import { isApiError } from '#machinery';
import { fixture, type Fixture } from '../../test-support.ts';
import type { AdmissionPlugin } from '../../types.ts';
import { resourceQuota } from './resource-quota.ts';

const namespace = 'x';
const hard = { pods: '6', cpu: '2', 'count/configmaps': '4' };
type Action = readonly [name: string, object: number, amount: number];
const action = fc.tuple(
  fc.constantFrom(
    'create',
    'create',
    'create',
    'delete',
    'end',
    'dry',
    'again',
    'map',
    'unmap',
    'touch',
    'resize',
    'resize',
    'time',
    'invalid',
    'refused',
    'requota',
  ),
  fc.nat(11),
  fc.integer({ min: 0, max: 8 }),
);

const pod = (name: string, milli: number, labels = {}): V1Pod => ({
  metadata: { name, namespace, labels },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: `${milli}m` } } }] },
});
/** Refuses after quota would have reserved, or takes its time before. */
const moody: AdmissionPlugin = {
  name: 'Moody',
  handles: (kind) => kind.plural === 'pods',
  validate: async ({ object }) => {
    for (let i = 0; i < (object.metadata?.name?.length ?? 0) % 3; i++) await settle();
    if (object.metadata?.labels?.['refuse']) throw new Error('no');
  },
};

interface Truth {
  pods: number;
  cpu: number;
  maps: number;
}
function truth({ server }: Fixture): Truth {
  const pods = (server.reader.list('', 'pods', namespace) as readonly V1Pod[]).filter((one) => one.status?.phase !== 'Succeeded');
  const cpu = pods.map((one) => quantityToMilli(one.spec?.containers[0]?.resources?.requests?.['cpu']));
  return { pods: pods.length, cpu: cpu.reduce((sum, milli) => sum + milli, 0), maps: server.reader.list('', 'configmaps', namespace).length };
}

async function act({ api, clock }: Fixture, [verb, at, amount]: Action): Promise<void> {
  const key = { namespace, name: `p${at}` };
  switch (verb) {
    case 'create':
      return void (await api.create(Pod, pod(key.name, amount * 100)));
    case 'again':
      return void (await Promise.allSettled([api.create(Pod, pod(key.name, amount * 100)), api.create(Pod, pod(key.name, amount * 50))]));
    case 'dry':
      return void (await api.create(Pod, pod(key.name, amount * 100), { dryRun: true }));
    case 'invalid':
      return void (await api.create(Pod, pod('NOT A NAME', amount)));
    case 'refused':
      return void (await api.create(Pod, pod(key.name, amount, { refuse: 'yes' })));
    case 'delete':
      return void (await api.delete(Pod, key, { gracePeriodSeconds: 0 }));
    case 'end':
      return void (await api.patch(Pod, key, 'application/merge-patch+json', { status: { phase: 'Succeeded' } }, { subresource: 'status' }));
    case 'map':
      return void (await api.create(ConfigMap, { metadata: key }));
    case 'unmap':
      return void (await api.delete(ConfigMap, key));
    case 'time':
      return clock.advance(300_001);
    case 'touch':
      return void (await api.patch(Pod, key, 'application/merge-patch+json', { metadata: { labels: { size: String(amount) } } }));
    case 'resize': {
      const spec = { containers: [{ name: 'c', resources: { requests: { cpu: `${amount * 100}m` } } }] };
      return void (await api.patch(Pod, key, 'application/strategic-merge-patch+json', { spec }, { subresource: 'resize' }));
    }
    default:
      return void (await api.patch(ResourceQuota, { namespace, name: 'q' }, 'application/merge-patch+json', { spec: { hard: { services: String(amount) } } }));
  }
}

/** Actions in flight together, a few at a time; what is stored never exceeds, and the status is true when all is quiet. */
async function live(actions: readonly Action[], width: number): Promise<void> {
  const f = await fixture({ clock: new FakeClock(), random: seededRandom(9), kinds: allKinds, schemas, admission: [resourceQuota(), moody] });
  await f.api.create(Namespace, { metadata: { name: namespace } });
  await f.api.create(ResourceQuota, { metadata: { name: 'q', namespace }, spec: { hard } });
  const over: Truth[] = [];
  f.server.reader.observe('', 'pods', () => {
    const now = truth(f);
    if (now.pods > 6 || now.cpu > 2000) over.push(now);
  });
  const queue = actions.values();
  const work = async (): Promise<void> => {
    for (const next of queue) await act(f, next).catch((error: unknown) => assert.ok(isApiError(error) || (error as Error).message === 'no', String(error)));
  };
  await Promise.all(Array.from({ length: width }, work));
  await settle();
  await settle();
  assert.deepEqual(over, []);
  const now = truth(f);
  assert.ok(now.maps <= 4);
  const { used } = (f.server.reader.get('', 'resourcequotas', namespace, 'q') as V1ResourceQuota).status ?? {};
  assert.deepEqual([Number(used?.['pods']), quantityToMilli(used?.['cpu']), Number(used?.['count/configmaps'])], [now.pods, now.cpu, now.maps]);
  await fill(f, now);
  await f.server.close();
}
/** Nothing leaked: exactly what is free can still be taken. */
async function fill({ api }: Fixture, { pods }: Truth): Promise<void> {
  const made = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => api.create(Pod, pod(`late${i}`, 0))));
  assert.equal(made.filter(({ status }) => status === 'fulfilled').length, 6 - pods);
}

it('is never exceeded and never leaks, whatever happens at the same time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 120 }), fc.integer({ min: 1, max: 24 }), (actions, width) => live(actions, width)),
    { numRuns: 40, seed: 20261124 },
  );
});

it('takes exactly as many as fit from 64 creators at once', async () => {
  const f = await fixture({ kinds: allKinds, schemas, admission: [resourceQuota()] });
  await f.api.create(Namespace, { metadata: { name: namespace } });
  await f.api.create(ResourceQuota, { metadata: { name: 'q', namespace }, spec: { hard: { pods: '100', cpu: '7' } } });
  const creator = async (i: number): Promise<number> => {
    const made = await Promise.allSettled(Array.from({ length: 5 }, (_, j) => f.api.create(Pod, pod(`p-${i}-${j}`, 100))));
    return made.filter(({ status }) => status === 'fulfilled').length;
  };
  const counts = await Promise.all(Array.from({ length: 64 }, (_, i) => creator(i)));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    70,
  );
  assert.deepEqual((f.server.reader.get('', 'resourcequotas', namespace, 'q') as V1ResourceQuota).status?.used, { cpu: '7', pods: '70' });
});

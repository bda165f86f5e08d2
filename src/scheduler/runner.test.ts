import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, settle, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { Event, Namespace, Node, Pod, schemas, type V1Pod } from '#kinds';
import { ApiError, schemaView, strategicMergePatch, type Api, type Json, type Kind, type KubeObject } from '#machinery';
import type { Plugin } from './plugin.ts';
import { defaultProfile, makeProfile } from './profile.ts';
import { startScheduler, type Scheduler } from './runner.ts';
import { makeNode, makePod } from './test-objects.ts';

interface Cluster {
  clock: FakeClock;
  api: FakeApi;
  bindings: string[];
  /** Set to refuse bindings. */
  refuse: { error: ApiError | undefined };
  scheduler: Scheduler;
  pod(name: string): V1Pod | undefined;
  events(): string[];
}

async function start(t: { after(fn: () => Promise<void>): void }, objects: KubeObject[], more: readonly Plugin[] = []): Promise<Cluster> {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const bindings: string[] = [];
  const refuse: Cluster['refuse'] = { error: undefined };
  const bind: Api['subresource'] = async (_kind, key, name, body) => {
    assert.equal(name, 'binding');
    if (refuse.error) throw refuse.error;
    const node = (body as KubeObject & { target: { name: string } }).target.name;
    bindings.push(`${key.name}→${node}`);
    api.edit(Pod, key.namespace, key.name, (pod) => void ((pod.spec as { nodeName?: string }).nodeName = node));
    return body as never;
  };
  api.subresource = bind;
  api.patch = async (kind, key, type, patch, options) => {
    assert.equal(type, 'application/strategic-merge-patch+json');
    api.writes.push({ verb: 'patch', kind: kind.kind, name: key.name, subresource: options?.subresource ?? '' });
    return api.edit(
      kind,
      key.namespace,
      key.name,
      (object) => void Object.assign(object, strategicMergePatch(object as unknown as Json, patch, schemaView(schemas), kind.schema)),
    );
  };
  for (const object of objects) put(api, object);
  const client = createClient(api, clock, silentLogger);
  const scheduler = startScheduler({
    client,
    log: silentLogger,
    random: seededRandom(1),
    profiles: (context) => [makeProfile('default-scheduler', [...defaultProfile(context).plugins, ...more])],
  });
  await settle();
  await settle();
  t.after(async () => {
    await scheduler.stop();
    client.close();
  });
  return {
    clock,
    api,
    bindings,
    refuse,
    scheduler,
    pod: (name) => api.all(Pod).find((p) => p.metadata?.name === name),
    events: () => api.all(Event).map((e) => `${e.type} ${e.reason} ${e.message}`),
  };
}
const put = (api: FakeApi, object: KubeObject): void => void (object.kind === 'Node' ? api.put(Node, object as never) : api.put(Pod, object as never));
const condition = (pod: V1Pod | undefined): string => {
  const c = pod?.status?.conditions?.find((x) => x.type === 'PodScheduled');
  return c ? `${c.status} ${c.reason}: ${c.message}` : 'none';
};

test('binds a pod and says so', async (t) => {
  const c = await start(t, [makeNode('n1'), makePod('web')]);
  await c.clock.advance(10);
  assert.equal(c.pod('web')?.spec?.nodeName, 'n1');
  assert.deepEqual(c.events(), ['Normal Scheduled Successfully assigned default/web to n1']);
});

test('says why a pod cannot be placed, and places it when a node comes', async (t) => {
  const c = await start(t, [makeNode('n1'), makePod('web', { requests: { cpu: '5' } })]);
  await c.clock.advance(10);
  assert.equal(
    condition(c.pod('web')),
    'False Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.',
  );
  assert.match(c.events()[0] ?? '', /^Warning FailedScheduling 0\/1 nodes are available: 1 Insufficient cpu\./);
  put(c.api, makeNode('n2', { allocatable: { cpu: '8' } }));
  await c.clock.advance(10);
  assert.equal(c.pod('web')?.spec?.nodeName, 'n2');
});

test('an unchanged condition is written once', async (t) => {
  const c = await start(t, [makeNode('n1'), makePod('web', { requests: { cpu: '5' } })]);
  await c.clock.advance(15 * 60_000);
  assert.equal(c.api.writes.filter((w) => w.verb === 'patch' && w.subresource === 'status').length, 1);
});

test('a pod that goes makes room', async (t) => {
  const c = await start(t, [makeNode('n1'), makePod('old', { requests: { cpu: '4' }, nodeName: 'n1' }), makePod('new', { requests: { cpu: '4' } })]);
  await c.clock.advance(10);
  assert.equal(c.bindings.length, 0);
  c.api.edit(Pod, 'default', 'old', (pod) => void (pod.status = { ...pod.status, phase: 'Succeeded' }));
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['new→n1']);
});

test('leaves alone: other schedulers, deleted and gated pods', async (t) => {
  const gated = makePod('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
  const deleted = makePod('deleted', {}, { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x.io/y'] });
  const c = await start(t, [makeNode('n1'), makePod('other', { schedulerName: 'mine' }), gated, deleted]);
  await c.clock.advance(20_000);
  assert.deepEqual(c.bindings, []);
  assert.equal(condition(c.pod('gated')), 'False SchedulingGated: Scheduling is blocked due to non-empty scheduling gates');
  assert.equal(condition(c.pod('other')), 'none');
  c.api.edit(Pod, 'default', 'gated', (pod) => void delete pod.spec?.schedulingGates);
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['gated→n1']);
});

test('what was assumed is taken back when the binding fails, and tried again', async (t) => {
  const c = await start(t, [makeNode('n1')]);
  c.refuse.error = new ApiError('InternalError', 'boom');
  put(c.api, makePod('a', { requests: { cpu: '3' } }));
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, []);
  c.refuse.error = undefined;
  put(c.api, makePod('b', { requests: { cpu: '3' } }));
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['b→n1']);
  c.api.drop(Pod, 'default', 'b');
  await c.clock.advance(30_000);
  assert.deepEqual(c.bindings, ['b→n1', 'a→n1']);
});

test('a node is never over-committed while its cache lags', async (t) => {
  const c = await start(t, [makeNode('n1')]);
  c.api.pause();
  for (let i = 0; i < 10; i++) put(c.api, makePod(`p${i}`, { requests: { cpu: '1' } }));
  c.api.resume();
  await c.clock.advance(1000);
  assert.equal(c.bindings.length, 4);
});

test('500 pods on 20 nodes, spread', async (t) => {
  const c = await start(t, [
    ...Array.from({ length: 20 }, (_, i) => makeNode(`n${i}`)),
    ...Array.from({ length: 500 }, (_, i) => makePod(`p${i}`, { requests: { cpu: '100m', memory: '64Mi' } })),
  ]);
  await c.clock.advance(100);
  assert.equal(c.bindings.length, 500);
  const perNode = Map.groupBy(c.api.all(Pod), (pod) => pod.spec?.nodeName ?? '');
  for (const pods of perNode.values()) assert.ok(pods.length >= 20 && pods.length <= 30, `${pods.length} pods on one node`);
});

function stepsOf(over: Partial<Plugin>): { plugin: Plugin; steps: string[] } {
  const steps: string[] = [];
  const plugin: Plugin = {
    name: 'Steps',
    reserve: (pod, node) => void steps.push(`reserve ${pod.name} ${node.name}`),
    unreserve: (pod, node) => void steps.push(`unreserve ${pod.name} ${node.name}`),
    ...over,
  };
  return { plugin, steps };
}

test('Reserve, PreBind, Bind, in this order; a binding waits for PreBind and others do not wait for it', async (t) => {
  let go: () => void = () => {};
  const { plugin, steps } = stepsOf({
    preBind: (pod) => (pod.name === 'slow' ? new Promise((resolve) => (go = resolve)) : undefined),
  });
  const c = await start(t, [makeNode('n1'), makePod('slow'), ...Array.from({ length: 100 }, (_, i) => makePod(`p${i}`))], [plugin]);
  await c.clock.advance(10);
  assert.equal(c.bindings.length, 100);
  assert.ok(!c.bindings.includes('slow→n1'));
  go();
  await c.clock.advance(10);
  assert.equal(c.bindings.at(-1), 'slow→n1');
  assert.ok(steps.includes('reserve slow n1'));
});

test('what was reserved is given back when PreBind fails, and the pod is tried again', async (t) => {
  let failures = 1;
  const { plugin, steps } = stepsOf({ preBind: () => (failures-- > 0 ? Promise.reject(new Error('no disk')) : undefined) });
  const c = await start(t, [makeNode('n1'), makePod('web')], [plugin]);
  await c.clock.advance(10);
  assert.deepEqual(c.events(), ['Warning FailedScheduling running PreBind plugin "Steps": no disk']);
  await c.clock.advance(2000);
  assert.deepEqual(steps, ['reserve web n1', 'unreserve web n1', 'reserve web n1']);
  assert.deepEqual(c.bindings, ['web→n1']);
});

test('a pod that is deleted while its binding is prepared is not bound', async (t) => {
  const { plugin, steps } = stepsOf({
    preBind: (_pod, _node, signal) => new Promise((_resolve, failed) => signal.addEventListener('abort', () => failed(new Error('aborted')))),
  });
  const c = await start(t, [makeNode('n1'), makePod('web')], [plugin]);
  await c.clock.advance(10);
  c.api.drop(Pod, 'default', 'web');
  await c.clock.advance(10);
  assert.deepEqual(steps, ['reserve web n1', 'unreserve web n1']);
  assert.deepEqual(c.bindings, []);
});

test('plugins hear of the objects they watch', async (t) => {
  let open = false;
  const plugin: Plugin = {
    name: 'Door',
    watches: [Namespace as unknown as Kind],
    filter: {
      name: 'Door',
      filter: () => (open ? undefined : { reasons: ['closed'], unresolvable: true }),
      unstuckBy: (event) => event.type === 'ObjectChanged' && event.kind === 'Namespace' && event.object?.metadata?.name === 'key',
    },
  };
  const c = await start(t, [makeNode('n1'), makePod('web')], [plugin]);
  await c.clock.advance(10);
  assert.match(condition(c.pod('web')), /1 closed/);
  open = true;
  c.api.put(Namespace, { metadata: { name: 'other' } });
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, []);
  c.api.put(Namespace, { metadata: { name: 'key' } });
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['web→n1']);
});

test('preemption: victims are told, the pod is promised the node and gets it', async (t) => {
  const c = await start(t, [
    makeNode('n1'),
    makePod('low', { requests: { cpu: '3' }, nodeName: 'n1' }),
    makePod('high', { requests: { cpu: '3' }, priority: 10 }),
  ]);
  await c.clock.advance(10);
  const low = c.pod('low');
  assert.ok(low?.metadata?.deletionTimestamp);
  const disrupted = low.status?.conditions?.find((one) => one.type === 'DisruptionTarget');
  assert.equal(
    `${disrupted?.status} ${disrupted?.reason}: ${disrupted?.message}`,
    'True PreemptionByScheduler: default-scheduler: preempting to accommodate a higher priority pod',
  );
  assert.equal(c.pod('high')?.status?.nominatedNodeName, 'n1');
  assert.equal(condition(c.pod('high')), 'False Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.');
  assert.deepEqual(c.events().sort(), [
    'Normal Preempted Preempted by pod uid-high on node n1',
    'Warning FailedScheduling 0/1 nodes are available: 1 Insufficient cpu.',
  ]);
  put(c.api, makePod('greedy', { requests: { cpu: '1500m' } }));
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, [], 'what is promised is not given to others');
  await c.clock.advance(6 * 60_000);
  assert.match(condition(c.pod('high')), /preemption: not eligible due to a terminating pod on the nominated node\.$/);
  c.api.drop(Pod, 'default', 'low');
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['high→n1']);
});

test('preemption: victims that cannot be told to go hold up nobody else, and are tried again', async (t) => {
  const c = await start(t, [makeNode('n1'), makePod('low', { requests: { cpu: '3' }, nodeName: 'n1' })]);
  c.api.refuse = ({ verb }) => (verb === 'delete' ? new ApiError('Forbidden', 'no') : undefined);
  put(c.api, makePod('high', { requests: { cpu: '3' }, priority: 10 }));
  await c.clock.advance(10);
  put(c.api, makePod('small', { requests: { cpu: '1' } }));
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['small→n1']);
  c.api.refuse = undefined;
  await c.clock.advance(15_000);
  c.api.drop(Pod, 'default', 'low');
  await c.clock.advance(10);
  assert.equal(c.bindings.at(-1), 'high→n1');
});

test('preemption: a promise of before a restart holds, and ends with the pod', async (t) => {
  const promised = makePod('promised', { requests: { cpu: '4' }, priority: 10, schedulingGates: [{ name: 'x.io/wait' }] });
  promised.status = { nominatedNodeName: 'n1' };
  const c = await start(t, [makeNode('n1'), promised, makePod('late', { requests: { cpu: '1' } })]);
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, []);
  c.api.drop(Pod, 'default', 'promised');
  await c.clock.advance(10);
  assert.deepEqual(c.bindings, ['late→n1']);
});

test('preemption: of pods alike the one that began to run last goes, also when the scheduler placed them before they ran', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const c = await start(t, [...names.map((name) => makeNode(`n-${name}`)), ...names.map((name) => makePod(name, { requests: { cpu: '3' } }))]);
  await c.clock.advance(10);
  assert.equal(c.bindings.length, 5);
  for (const name of names) {
    const startTime = name === 'c' ? '2026-01-01T01:00:00Z' : '2026-01-01T00:00:00Z';
    c.api.edit(Pod, 'default', name, (pod) => void (pod.status = { ...pod.status, startTime }));
  }
  const node = c.pod('c')?.spec?.nodeName;
  put(c.api, makePod('high', { requests: { cpu: '3' }, priority: 10 }));
  await c.clock.advance(10);
  assert.equal(c.pod('high')?.status?.nominatedNodeName, node);
});

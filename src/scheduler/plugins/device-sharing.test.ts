import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settle } from '#base';
import { DeviceClass, Pod, ResourceClaim, ResourceSlice, type ResourceV1ResourceClaim, type V1Device } from '#kinds';
import { info } from '../test-objects.ts';
import { bench, cel, claim, driver, exactly, gpu, slice, user } from './support/device-bench.ts';

const nic = (name: string, more: Partial<V1Device> = {}): V1Device =>
  gpu(name, 'nic', '10Gi', {
    allowMultipleAllocations: true,
    capacity: {
      bandwidth: { value: '10G', requestPolicy: { default: '1G', validRange: { min: '1G', max: '8G', step: '500M' } } },
      'other.example.com/slots': { value: '4', requestPolicy: { default: '1', validValues: ['1', '2', '4'] } },
    },
    ...more,
  });
const asking = (bandwidth?: string, slots?: string) => ({
  capacity: { requests: { ...(bandwidth ? { bandwidth } : {}), ...(slots ? { 'other.example.com/slots': slots } : {}) } },
});
type World = Awaited<ReturnType<typeof bench>>;
const resultsOf = ({ api }: World, name: string) =>
  api.all(ResourceClaim).find((one) => one.metadata?.name === name)?.status?.allocation?.devices?.results ?? [];

test('claims share a device as long as its capacity lasts, rounded up to what its policy allows', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [nic('nic-0')]));
    for (const [name, bandwidth, slots] of [
      ['odd', '2.1G'],
      ['rest', '7G'],
      ['plain'],
      ['greedy', '8100M'],
      ['slots', '1G', '3'],
      ['more', '1G', '3'],
    ] as const)
      api.put(ResourceClaim, claim(name, [exactly('it', asking(bandwidth, slots))]));
    api.put(ResourceClaim, claim('unknown', [exactly('it', { capacity: { requests: { light: '1' } } })]));
    api.put(ResourceClaim, claim('whole', [exactly('it', cel('!device.allowMultipleAllocations'))]));
  });
  assert.match(w.place(user('greedy', 'greedy')), /cannot allocate all claims/, 'more than the policy lets one have');
  assert.match(w.place(user('unknown', 'unknown')), /cannot allocate all claims/);
  assert.match(w.place(user('whole', 'whole')), /cannot allocate all claims/);
  await w.bind(user('odd', 'odd'));
  const [odd] = resultsOf(w, 'odd');
  assert.deepEqual(odd?.consumedCapacity, { bandwidth: '2500M', 'other.example.com/slots': '1' });
  assert.match(odd?.shareID ?? '', /^[0-9a-f-]{36}$/);
  await w.bind(user('rest', 'rest'));
  assert.notEqual(resultsOf(w, 'rest')[0]?.shareID, odd?.shareID);
  assert.match(w.place(user('slots', 'slots')), /cannot allocate all claims/, '2 slots are left, 3 are 4');
  assert.match(w.place(user('plain', 'plain')), /cannot allocate all claims/, '500M are left');
  w.api.edit(ResourceClaim, 'default', 'rest', (one) => (one.status = {}));
  await settle();
  assert.deepEqual(await w.bind(user('plain', 'plain')), ['it=a/nic-0']);
  assert.match(w.place(user('more', 'more')), /cannot allocate all claims/);
});

test('one request may hold several shares of a device; a device that is held whole is not shared; capacity of a whole device is a minimum', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [nic('nic-0'), gpu('gpu-1', 'm', '8Gi')]));
    api.put(ResourceClaim, claim('three', [exactly('it', { count: 3, ...asking('2G'), ...cel('device.allowMultipleAllocations') })]));
    api.put(ResourceClaim, claim('large', [exactly('it', { capacity: { requests: { memory: '9Gi' } } })]));
    api.put(ResourceClaim, claim('small', [exactly('it', { capacity: { requests: { memory: '7Gi' } } })]));
  });
  assert.deepEqual(await w.bind(user('three', 'three')), ['it=a/nic-0', 'it=a/nic-0', 'it=a/nic-0']);
  assert.match(w.place(user('large', 'large')), /cannot allocate all claims/);
  assert.deepEqual(await w.bind(user('small', 'small')), ['it=a/gpu-1']);
  assert.equal(resultsOf(w, 'small')[0]?.consumedCapacity, undefined);
});

test('a pod waits with its binding until drivers say that its devices are ready', async () => {
  const fabric = (name: string): V1Device =>
    gpu(name, 'm', '1Gi', { bindingConditions: ['x.io/attached'], bindingFailureConditions: ['x.io/broken'], bindsToNode: true });
  const w = await bench((api) => {
    api.put(ResourceSlice, {
      ...slice('a', [fabric('gpu-0')], { allNodes: true }),
      spec: { ...slice('a', [fabric('gpu-0')]).spec, nodeName: undefined, allNodes: true } as never,
    });
    api.put(ResourceClaim, claim('one', [exactly('it')]));
  });
  const pod = user('p', 'one');
  const say = (type: string): void =>
    void w.api.edit(ResourceClaim, 'default', 'one', (one) => {
      const condition = { type, status: 'True', reason: 'Said', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' };
      one.status = { ...one.status, devices: [{ driver, pool: 'a', device: 'gpu-0', conditions: [condition] }] };
    });
  const attempt = async (): Promise<{ state: string }> => {
    const on = w.node(w.place(pod));
    assert.equal(w.plugin.reserve?.(pod, on), undefined);
    const outcome = { state: 'waiting' };
    void w.plugin.preBind?.(pod, on, new AbortController().signal)?.then(
      () => (outcome.state = 'bound'),
      (error: Error) => {
        outcome.state = error.message;
        w.plugin.unreserve?.(pod, on);
      },
    );
    await settle();
    return outcome;
  };
  const first = await attempt();
  assert.equal(first.state, 'waiting');
  assert.ok(resultsOf(w, 'one')[0]?.bindingConditions);
  say('x.io/broken');
  await settle();
  assert.match(first.state, /claim default\/one binding failed: device gpu-0 has condition x.io\/broken/);
  assert.deepEqual(resultsOf(w, 'one'), [], 'given back');
  const second = await attempt();
  say('x.io/attached');
  await settle();
  assert.equal(second.state, 'bound');
  w.plugin.unreserve?.(pod, w.node('a'));
  await settle();
  const third = await attempt();
  await w.clock.advance(600_000);
  await settle();
  assert.equal(third.state, 'device binding timeout');
});

test('nodes that give a preferred alternative are better', async () => {
  const w = await bench((api) => {
    api.put(ResourceSlice, slice('a', [gpu('gpu-0', 'small', '1Gi')]));
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'large', '1Gi')]));
    const model = (name: string) => ({
      name,
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
      ...cel(`device.attributes["${driver}"].model == "${name}"`),
    });
    api.put(ResourceClaim, claim('small', [{ name: 'it', firstAvailable: [model('small'), model('large')] }]));
    api.put(ResourceClaim, claim('large', [{ name: 'it', firstAvailable: [model('large'), model('small')] }]));
  });
  assert.equal(w.place(user('s', 'small')), 'a');
  assert.equal(w.place(user('l', 'large')), 'b');
});

test('extended resources of a class: the scheduler makes the claim and tells the pod', async () => {
  const w = await bench((api) => {
    api.put(DeviceClass, { metadata: { name: 'card' }, spec: { extendedResourceName: 'example.com/gpu' } });
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'm', '1Gi'), gpu('gpu-1', 'm', '1Gi')]));
  });
  const asking = (name: string, amount: string, resource = 'example.com/gpu') =>
    info(name, {
      initContainers: [{ name: 'init', image: 'x', resources: { requests: { [resource]: '1' } } }],
      containers: [{ name: 'main', image: 'x', resources: { requests: { cpu: '1m', [resource]: amount } } }],
    });
  assert.match(w.place(asking('p', '3')), /cannot allocate all claims/);
  const pod = asking('p', '2');
  w.api.put(Pod, pod.pod);
  assert.equal(w.place(pod), 'b');
  await w.bind(pod);
  const made = w.api.all(ResourceClaim)[0] as ResourceV1ResourceClaim;
  assert.match(made.metadata?.name ?? '', /^p-extended-resources-/);
  assert.equal(made.metadata?.annotations?.['resource.kubernetes.io/extended-resource-claim'], 'true');
  assert.deepEqual(
    made.spec.devices?.requests?.map((one) => [one.name, one.exactly?.deviceClassName, one.exactly?.count]),
    [['container-1-request-1', 'card', 2]],
  );
  assert.deepEqual(made.status?.reservedFor, [{ resource: 'pods', name: 'p', uid: pod.uid }]);
  assert.deepEqual(w.api.all(Pod)[0]?.status?.extendedResourceClaimStatus, {
    resourceClaimName: made.metadata?.name,
    requestMappings: [
      { containerName: 'main', resourceName: 'example.com/gpu', requestName: 'container-1-request-1' },
      { containerName: 'init', resourceName: 'example.com/gpu', requestName: 'container-1-request-1' },
    ],
  });
  assert.match(w.place(asking('q', '1', 'deviceclass.resource.kubernetes.io/gpu')), /cannot allocate all claims/, 'the same devices by the name of the class');
  w.plugin.unreserve?.(pod, w.node('b'));
  await settle();
  assert.deepEqual(w.api.all(ResourceClaim), [], 'given back');
  assert.equal(w.place(asking('q', '1', 'deviceclass.resource.kubernetes.io/gpu')), 'b');
  assert.match(w.place(asking('r', '1', 'example.com/none')), /Insufficient example.com\/none/);
});

test('what an earlier scheduler left for extended resources is deleted first', async () => {
  const w = await bench((api) => {
    api.put(DeviceClass, { metadata: { name: 'card' }, spec: { extendedResourceName: 'example.com/gpu' } });
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'm', '1Gi')]));
  });
  const pod = info('p', { containers: [{ name: 'main', image: 'x', resources: { requests: { 'example.com/gpu': '1' } } }] });
  w.api.put(Pod, pod.pod);
  await w.bind(pod);
  const again = await bench((api) => {
    api.put(DeviceClass, { metadata: { name: 'card' }, spec: { extendedResourceName: 'example.com/gpu' } });
    api.put(ResourceSlice, slice('b', [gpu('gpu-0', 'm', '1Gi')]));
    for (const one of w.api.all(ResourceClaim)) api.put(ResourceClaim, one);
  });
  assert.match(again.place(pod), /cannot schedule extended resource claim/);
  await settle();
  assert.deepEqual(again.api.all(ResourceClaim), []);
  assert.equal(again.place(pod), 'b');
});

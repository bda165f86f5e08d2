/** Devices by ResourceClaims (dynamic resource allocation): the scheduler allocates, the controller makes and takes back, simulated nodes run. */
import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';

const slice = (node: string, devices: string[]): object => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceSlice',
  metadata: { name: `${node}-gpu` },
  spec: {
    nodeName: node,
    driver: 'gpu.example.com',
    pool: { name: node, generation: 1, resourceSliceCount: 1 },
    devices: devices.map((model, i) => ({ name: `gpu-${i}`, attributes: { model: { string: model } }, capacity: { memory: { value: '80Gi' } } })),
  },
});
const manifests = `
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: gpu}
spec: {selectors: [{cel: {expression: 'device.driver == "gpu.example.com"'}}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: large}
spec:
  spec:
    devices:
      requests:
      - name: gpu
        exactly:
          deviceClassName: gpu
          selectors: [{cel: {expression: 'device.attributes["gpu.example.com"].model == "large" && device.capacity["gpu.example.com"].memory.compareTo(quantity("40Gi")) >= 0'}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: train}
spec:
  replicas: 3
  selector: {matchLabels: {app: train}}
  template:
    metadata: {labels: {app: train}}
    spec:
      resourceClaims: [{name: gpu, resourceClaimTemplateName: large}]
      containers: [{name: main, image: 'app:1', resources: {claims: [{name: gpu}]}}]
`;

describe('devices', { concurrency: false }, () => {
  const my = useCluster('--runtime', 'sim', '--nodes', '0', '--sim-nodes', '2');
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const ready = (): Promise<string> => k('get', 'deployment', 'train', '-o', 'jsonpath={.status.readyReplicas}');

  test('as many pods run as there are devices; the next one runs when there is one more', async () => {
    const nodes = (await k('get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
    assert.equal(nodes.length, 2);
    await my.cluster.apply(
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [slice(nodes[0]!, ['small', 'large']), slice(nodes[1]!, ['large', 'small'])] }),
    );
    await my.cluster.apply(manifests);
    await eventually('two of three', async () => (await ready()) === '2');
    await eventually('why the third waits', async () =>
      /0\/2 nodes are available: 2 cannot allocate all claims/.test(await k('get', 'events', '--field-selector', 'reason=FailedScheduling')),
    );
    const states = await k('get', 'resourceclaims', '--no-headers');
    assert.equal(states.match(/allocated,reserved/g)?.length, 2, states);
    assert.equal(states.match(/pending/g)?.length, 1, states);
    const pods = (await k('get', 'pods', '-l', 'app=train', '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ').filter(Boolean);
    assert.equal(new Set(pods).size, 2);
    await my.cluster.apply(JSON.stringify(slice(nodes[1]!, ['large', 'large'])));
    await eventually('three', async () => (await ready()) === '3');
    await k('scale', 'deployment', 'train', '--replicas=1');
    await eventually('given back', async () => (await k('get', 'resourceclaims', '-o', 'name')).trim().split('\n').length === 1);
  });

  test('a claim of its own that pods share; deleted only when nobody uses it', async () => {
    await my.cluster.apply(`
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: {name: shared}
spec: {devices: {requests: [{name: gpu, exactly: {deviceClassName: gpu}}]}}
`);
    for (const name of ['one', 'two'])
      await my.cluster.apply(
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name },
          spec: { resourceClaims: [{ name: 'gpu', resourceClaimName: 'shared' }], containers: [{ name: 'main', image: 'app:1' }] },
        }),
      );
    await k('wait', 'pod', 'one', 'two', '--for=condition=Ready', '--timeout=120s');
    const on = (await k('get', 'pods', 'one', 'two', '-o', 'jsonpath={.items[*].spec.nodeName}')).split(' ');
    assert.equal(on[0], on[1]);
    await k('delete', 'resourceclaim', 'shared', '--wait=false');
    assert.match(await k('get', 'resourceclaim', 'shared', '--no-headers'), /deleted,allocated,reserved/);
    await k('delete', 'pod', 'one', 'two');
    await eventually('gone', async () => (await k('get', 'resourceclaim', 'shared', '--ignore-not-found', '-o', 'name')) === '');
  });

  test('extended resources by a class, devices that claims share, and taints that drive pods away', async () => {
    const node = (await k('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
    const nics = (taints: object[] = []): string =>
      JSON.stringify({
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceSlice',
        metadata: { name: 'nics' },
        spec: {
          nodeName: node,
          driver: 'nic.example.com',
          pool: { name: 'nics', generation: 1, resourceSliceCount: 1 },
          devices: [
            {
              name: 'nic-0',
              allowMultipleAllocations: true,
              taints,
              capacity: { bandwidth: { value: '10G', requestPolicy: { default: '1G', validRange: { min: '1G', step: '1G' } } } },
            },
          ],
        },
      });
    await my.cluster.apply(nics());
    await my.cluster.apply(`
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: nic}
spec: {selectors: [{cel: {expression: 'device.driver == "nic.example.com"'}}]}
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: {name: card}
spec: {extendedResourceName: example.com/card, selectors: [{cel: {expression: 'device.driver == "gpu.example.com"'}}]}
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: share}
spec: {spec: {devices: {requests: [{name: nic, exactly: {deviceClassName: nic, capacity: {requests: {bandwidth: 3500M}}}}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: net}
spec:
  replicas: 3
  selector: {matchLabels: {app: net}}
  template:
    metadata: {labels: {app: net}}
    spec:
      resourceClaims: [{name: nic, resourceClaimTemplateName: share}]
      containers: [{name: main, image: 'app:1'}]
---
apiVersion: v1
kind: Pod
metadata: {name: extended}
spec: {containers: [{name: main, image: 'app:1', resources: {limits: {example.com/card: 1}}}]}
`);
    const net = (): Promise<string> => k('get', 'deployment', 'net', '-o', 'jsonpath={.status.readyReplicas}');
    await eventually('two shares of 4G fit into 10G', async () => (await net()) === '2');
    const shares = await k(
      'get',
      'resourceclaims',
      '-o',
      'jsonpath={range .items[*]}{.status.allocation.devices.results[*].consumedCapacity.bandwidth}{"\\n"}{end}',
    );
    assert.equal(shares.match(/4G/g)?.length, 2, shares);
    await k('wait', 'pod', 'extended', '--for=condition=Ready', '--timeout=120s');
    const claim = await k('get', 'pod', 'extended', '-o', 'jsonpath={.status.extendedResourceClaimStatus.resourceClaimName}');
    assert.match(claim, /^extended-extended-resources-/);
    assert.match(await k('get', 'resourceclaim', claim, '--no-headers'), /allocated,reserved/);
    await k('delete', 'pod', 'extended');
    await eventually('its claim is gone', async () => (await k('get', 'resourceclaim', claim, '--ignore-not-found', '-o', 'name')) === '');
    await my.cluster.apply(nics([{ key: 'nic.example.com/broken', effect: 'NoExecute' }]));
    await eventually('they are driven away', async () => ['', '0'].includes(await net()));
    await eventually('and told why', async () =>
      /Marking for deletion/.test(await k('get', 'events', '--field-selector', 'reason=DeviceTaintManagerEviction')),
    );
    await my.cluster.apply(nics());
    await eventually('and come back', async () => (await net()) === '2');
    const text = await my.cluster.tryKubectl(['apply', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name: 'spy' },
        spec: { devices: { requests: [{ name: 'nic', exactly: { deviceClassName: 'nic', adminAccess: true } }] } },
      }),
    });
    assert.match(text.err, /admin access to devices requires the `resource.kubernetes.io\/admin-access: true` label/);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '#machinery';
import { limitRanger } from './limit-ranger.ts';
import { admit, Claims, kindOf, objects, Pods, requestOf } from './testing.ts';

const Ranges = kindOf('', 'LimitRange', 'limitranges');
const limits = (...items: object[]) => objects([Ranges, { metadata: { name: 'l', namespace: 'x' }, spec: { limits: items } } as KubeObject]);
const pod = (...containers: object[]): KubeObject => ({ metadata: { name: 'p', namespace: 'x' }, spec: { containers } }) as KubeObject;
const cpu = (requests?: string, limit?: string): object => ({
  name: 'c',
  resources: { ...(requests ? { requests: { cpu: requests } } : {}), ...(limit ? { limits: { cpu: limit } } : {}) },
});

describe('LimitRanger', () => {
  it('fills in what containers leave out, and says so', async () => {
    const reader = limits({ type: 'Container', default: { cpu: '500m', memory: '500Mi' }, defaultRequest: { cpu: '100m', memory: '200Mi' } });
    const object = { ...pod(cpu('200m'), { name: 'd' }), spec: { containers: [cpu('200m'), { name: 'd' }], initContainers: [{ name: 'i' }] } } as KubeObject;
    const out = (await admit(limitRanger(), reader, requestOf(Pods, object))) as KubeObject & { spec: { containers: { resources: unknown }[] } };
    assert.equal(
      out.metadata?.annotations?.['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: memory request for container c; cpu, memory limit for container c; cpu, memory request for container d; ' +
        'cpu, memory limit for container d; cpu, memory request for init container i; cpu, memory limit for init container i',
    );
    assert.deepEqual(out.spec.containers[0]?.resources, { requests: { cpu: '200m', memory: '200Mi' }, limits: { cpu: '500m', memory: '500Mi' } });
  });
  it('refuses with one text, or all of them in brackets', async () => {
    const max = limits({ type: 'Container', max: { cpu: '800m' }, min: { cpu: '200m' } });
    const cases: [object, string][] = [
      [cpu('500m', '1500m'), 'pods "p" is forbidden: maximum cpu usage per Container is 800m, but limit is 1500m'],
      [cpu('100m', '800m'), 'pods "p" is forbidden: minimum cpu usage per Container is 200m, but request is 100m'],
      [cpu('300m', '100m'), 'pods "p" is forbidden: minimum cpu usage per Container is 200m, but limit is 100m'],
      [cpu('1', '800m'), 'pods "p" is forbidden: maximum cpu usage per Container is 800m, but request is 1'],
      [
        cpu(),
        'pods "p" is forbidden: [minimum cpu usage per Container is 200m.  No request is specified, maximum cpu usage per Container is 800m.  No limit is specified]',
      ],
    ];
    for (const [container, text] of cases) assert.equal(await admit(limitRanger(), max, requestOf(Pods, pod(container))), text);
    assert.equal(typeof (await admit(limitRanger(), max, requestOf(Pods, pod(cpu('800m', '800m'))))), 'object');
  });
  it('bounds the ratio of limit to request', async () => {
    const ratio = limits({ type: 'Container', maxLimitRequestRatio: { cpu: '2' } });
    const text = (why: string) => `pods "p" is forbidden: cpu max limit to request ratio per Container is 2, but ${why}`;
    assert.equal(await admit(limitRanger(), ratio, requestOf(Pods, pod(cpu('100m', '250m')))), text('provided ratio is 2.500000'));
    assert.equal(await admit(limitRanger(), ratio, requestOf(Pods, pod(cpu(undefined, '1')))), text('no request is specified or request is 0'));
    assert.equal(await admit(limitRanger(), ratio, requestOf(Pods, pod(cpu('1')))), text('no limit is specified or limit is 0'));
    assert.equal(typeof (await admit(limitRanger(), ratio, requestOf(Pods, pod(cpu('100m', '200m'))))), 'object');
  });
  it('counts a pod as a whole: init containers beside the rest, sidecars with them', async () => {
    const reader = limits({ type: 'Pod', max: { cpu: '1' } });
    const withInit = (init: object) => ({ ...pod(), spec: { containers: [cpu('500m', '500m')], initContainers: [init] } }) as KubeObject;
    assert.equal(typeof (await admit(limitRanger(), reader, requestOf(Pods, withInit(cpu('1', '1'))))), 'object');
    const sidecar = { ...cpu('600m', '600m'), restartPolicy: 'Always' };
    assert.equal(
      await admit(limitRanger(), reader, requestOf(Pods, withInit(sidecar))),
      'pods "p" is forbidden: maximum cpu usage per Pod is 1, but limit is 1100m',
    );
  });
  it('leaves updates of pods alone, but not their resize, and not what is being deleted', async () => {
    const reader = limits({ type: 'Container', max: { cpu: '1' } });
    const old = pod(cpu('1', '1'));
    assert.equal(typeof (await admit(limitRanger(), reader, requestOf(Pods, pod(cpu('2', '2')), { old }))), 'object');
    assert.equal(
      await admit(limitRanger(), reader, requestOf(Pods, pod(cpu('2', '2')), { old, subresource: 'resize' })),
      'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    );
    const going = { ...old, metadata: { ...old.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    assert.equal(typeof (await admit(limitRanger(), reader, requestOf(Pods, pod(cpu('2', '2')), { old: going, subresource: 'resize' }))), 'object');
  });
  it('bounds claims', async () => {
    const reader = limits({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } });
    const claim = (storage?: string): KubeObject =>
      ({ metadata: { name: 'v', namespace: 'x' }, spec: { resources: storage ? { requests: { storage } } : {} } }) as KubeObject;
    const refuse = 'persistentvolumeclaims "v" is forbidden: ';
    assert.equal(
      await admit(limitRanger(), reader, requestOf(Claims, claim('500Mi'))),
      `${refuse}minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi`,
    );
    assert.equal(
      await admit(limitRanger(), reader, requestOf(Claims, claim('3Gi'))),
      `${refuse}maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi`,
    );
    assert.equal(typeof (await admit(limitRanger(), reader, requestOf(Claims, claim('2Gi')))), 'object');
  });
});

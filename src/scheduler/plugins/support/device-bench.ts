/** What tests of the DynamicResources plugin share: two nodes, a class, and the plugin in a default profile. */
import assert from 'node:assert/strict';
import { FakeClock, seededRandom, settle, silentLogger } from '#base';
import { createClient, createFakeApi, type FakeApi } from '#client';
import { DeviceClass, ResourceClaim, type ResourceV1ResourceClaim, type V1Device, type V1DeviceRequest, type V1ResourceSlice } from '#kinds';
import { ClusterState } from '../../cluster-state.ts';
import { findNode } from '../../find-node.ts';
import type { NodeInfo } from '../../node-info.ts';
import type { Plugin } from '../../plugin.ts';
import type { PodInfo } from '../../pod-info.ts';
import { defaultProfile } from '../../profile.ts';
import { info, makeNode } from '../../test-objects.ts';

export const driver = 'gpu.example.com';
export const slice = (node: string, devices: V1Device[], more: Partial<NonNullable<V1ResourceSlice['spec']>> = {}): V1ResourceSlice => ({
  metadata: { name: `${node}-slice`, uid: `uid-${node}-slice` },
  spec: { driver, nodeName: node, pool: { name: node, generation: 1, resourceSliceCount: 1 }, devices, ...more },
});
export const gpu = (name: string, model: string, memory: string, more: Partial<V1Device> = {}): V1Device => ({
  name,
  attributes: { model: { string: model }, 'other.example.com/numa': { int: name.endsWith('0') ? 0 : 1 }, version: { version: '1.2.3' } },
  capacity: { memory: { value: memory } },
  ...more,
});
export const exactly = (name: string, more: Partial<NonNullable<V1DeviceRequest['exactly']>> = {}): V1DeviceRequest => ({
  name,
  exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...more },
});
export const claim = (name: string, requests: V1DeviceRequest[], more: Partial<ResourceV1ResourceClaim['spec']['devices']> = {}): ResourceV1ResourceClaim => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { devices: { requests, ...more } },
});
export const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] });
export const user = (name: string, ...claims: string[]): PodInfo =>
  info(name, { resourceClaims: claims.map((one) => ({ name: one, resourceClaimName: one })) });

export async function bench(fill: (api: FakeApi) => void) {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  const state = new ClusterState();
  for (const name of ['a', 'b']) state.setNode(makeNode(name, { labels: { 'kubernetes.io/hostname': name } }));
  api.put(DeviceClass, { metadata: { name: 'gpu' }, spec: { selectors: [{ cel: { expression: `device.driver == "${driver}"` } }] } });
  fill(api);
  const profile = defaultProfile({ state, api, clock, log: silentLogger, random: seededRandom(1), informer: (kind) => client.informer(kind) });
  await settle();
  const plugin = profile.plugins.find((one) => one.name === 'DynamicResources') as Plugin;
  const place = (pod: PodInfo): string => {
    const { node, message } = findNode(state, pod, profile, 0, seededRandom(1));
    return node?.name ?? message;
  };
  const node = (name: string): NodeInfo => state.node(name) as NodeInfo;
  /** Reserve and PreBind, as the binder does them. */
  const bind = async (pod: PodInfo): Promise<string[]> => {
    const on = place(pod);
    assert.equal(plugin.reserve?.(pod, node(on)), undefined);
    await plugin.preBind?.(pod, node(on), new AbortController().signal);
    await settle();
    return held(pod);
  };
  const held = (pod: PodInfo): string[] =>
    api
      .all(ResourceClaim)
      .filter((one) => one.status?.reservedFor?.some((r) => r.uid === pod.uid))
      .flatMap((one) => (one.status?.allocation?.devices?.results ?? []).map((r) => `${r.request}=${r.pool}/${r.device}${r.adminAccess ? ' admin' : ''}`));
  return { api, clock, plugin, place, node, bind, held };
}

import type { V1Container, V1Node, V1Pod, V1PodSpec, V1Taint } from '#kinds';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { ClusterState } from './cluster-state.ts';
import { defaultProfile, type Profile } from './profile.ts';
import { NodeInfo } from './node-info.ts';
import { podInfo, type PodInfo } from './pod-info.ts';

/** Makers for tests. */
export function container(requests: Record<string, string> = {}, more: Partial<V1Container> = {}): V1Container {
  return { name: 'c', image: 'x', resources: { requests }, ...more };
}
export function makePod(name: string, spec: Partial<V1PodSpec> & { requests?: Record<string, string> } = {}, metadata: V1Pod['metadata'] = {}): V1Pod {
  const { requests, ...rest } = spec;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
    spec: { containers: [container(requests)], schedulerName: 'default-scheduler', ...rest },
  };
}
export interface NodeFacts {
  labels?: Record<string, string>;
  taints?: V1Taint[];
  unschedulable?: boolean;
  allocatable?: Record<string, string>;
}
export function makeNode(name: string, facts: NodeFacts = {}): V1Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: facts.labels ?? {} },
    spec: { ...(facts.taints ? { taints: facts.taints } : {}), ...(facts.unschedulable ? { unschedulable: true } : {}) },
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110', ...facts.allocatable } },
  };
}
export const info = (name: string, spec: Parameters<typeof makePod>[1] = {}): PodInfo => podInfo(makePod(name, spec));
export function nodeInfo(name: string, facts: NodeFacts = {}, pods: readonly PodInfo[] = []): NodeInfo {
  const node = new NodeInfo(name);
  node.setNode(makeNode(name, facts));
  for (const pod of pods) node.add(pod);
  return node;
}

/** Every plugin, over a state and an empty cluster. */
export function testProfile(state = new ClusterState()): Profile {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  return defaultProfile({ state, api, clock, log: silentLogger, random: seededRandom(1), informer: (kind) => client.informer(kind) });
}

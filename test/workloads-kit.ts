import assert from 'node:assert/strict';
import { type Output, type Cluster } from './harness.ts';

export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
}
export interface Pod {
  metadata: {
    name: string;
    uid: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; controller?: boolean }[];
  };
  spec: { nodeName?: string; containers: { image: string }[] };
  status: { phase: string; podIP?: string; reason?: string; conditions?: Condition[] };
}
export interface ReplicaSet {
  metadata: { name: string; uid: string; annotations?: Record<string, string>; ownerReferences?: { name: string }[] };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: { replicas: number };
}
export interface Node {
  metadata: { name: string };
  spec: { unschedulable?: boolean; taints?: { key: string; effect: string }[] };
  status: { conditions: Condition[] };
}
export interface List<T> {
  metadata: { resourceVersion: string };
  items: T[];
}
export interface WatchEvent<T> {
  type: string;
  object: T;
}

export const nodeNames = ['sim-00001', 'sim-00002', 'sim-00003'];
export interface Shape {
  replicas?: number;
  image?: string;
  /** Fields of the Deployment's spec. */
  spec?: object;
  /** Fields of the pod's spec. */
  pod?: object;
  annotations?: Record<string, string>;
}
export function deployment(name: string, { replicas = 1, image = 'app:1', spec = {}, pod = {}, annotations = {} }: Shape = {}): string {
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...spec,
      template: {
        metadata: { labels: { app: name }, annotations },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'app', image, readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 } }],
          ...pod,
        },
      },
    },
  });
}
export const plainPod = (name: string, spec: object = {}, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image: 'app:1' }], ...spec },
  });

/** What the tests of workloads ask one cluster for. */
export function workloadsKit(my: { readonly cluster: Cluster }) {
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const apply = (yaml: string): Promise<string> => my.cluster.apply(yaml);
  const pods = async (app: string): Promise<Pod[]> => (await json<List<Pod>>('get', 'pods', '-l', `app=${app}`)).items;
  const sets = async (app: string): Promise<ReplicaSet[]> => (await json<List<ReplicaSet>>('get', 'rs', '-l', `app=${app}`)).items;
  const status = (name: string, timeout = '20s'): Promise<Output> => my.cluster.tryKubectl(['rollout', 'status', `deployment/${name}`, `--timeout=${timeout}`]);
  const done = async (name: string): Promise<void> => {
    const result = await status(name);
    assert.match(result.out, /successfully rolled out/, result.err);
  };
  const image = (name: string): Promise<string> => k('get', 'deployment', name, '-o', 'jsonpath={.spec.template.spec.containers[0].image}');
  const condition = async (name: string, type: string): Promise<Condition | undefined> =>
    (await json<{ status: { conditions?: Condition[] } }>('get', 'deployment', name)).status.conditions?.find((c) => c.type === type);
  /** What a watch of the pods says between the two, as the API server sends it. */
  const recorded = async (app: string, act: () => Promise<void>): Promise<WatchEvent<Pod>[]> => {
    const { metadata } = JSON.parse(await k('get', '--raw', `/api/v1/namespaces/work/pods?labelSelector=app%3D${app}`)) as List<Pod>;
    await act();
    const text = await k(
      'get',
      '--raw',
      `/api/v1/namespaces/work/pods?watch=1&timeoutSeconds=1&labelSelector=app%3D${app}&resourceVersion=${metadata.resourceVersion}`,
    );
    return text
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as WatchEvent<Pod>);
  };
  const isReady = (pod: Pod): boolean =>
    pod.metadata.deletionTimestamp === undefined && (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  /** The least of ready pods and the most of pods at any moment of the recording. */
  const extremes = (start: readonly Pod[], events: readonly WatchEvent<Pod>[]): { ready: number; all: number } => {
    const now = new Map(start.map((p) => [p.metadata.name, p]));
    const seen = { ready: start.length, all: start.length };
    for (const { type, object } of events) {
      if (type === 'DELETED') now.delete(object.metadata.name);
      else now.set(object.metadata.name, object);
      const live = [...now.values()].filter((p) => p.metadata.deletionTimestamp === undefined);
      seen.ready = Math.min(seen.ready, live.filter(isReady).length);
      seen.all = Math.max(seen.all, live.length);
    }
    return seen;
  };
  return { k, json, apply, pods, sets, status, done, image, condition, recorded, isReady, extremes };
}

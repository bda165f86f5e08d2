import assert from 'node:assert/strict';
import { eventually, type Output, type Cluster } from './harness.ts';

export type Labels = Record<string, string>;
export interface Meta {
  name: string;
  uid: string;
  labels?: Labels;
  annotations?: Labels;
  deletionTimestamp?: string;
  ownerReferences?: { kind: string; name: string; uid: string }[];
}
export interface Pod {
  metadata: Meta;
  spec: { nodeName?: string; hostname?: string; subdomain?: string; containers: { image: string }[] };
  status: { phase: string; reason?: string; conditions?: { type: string; status: string }[] };
}
export interface Set {
  metadata: Meta & { generation: number };
  spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
  status: Record<string, number> & { currentRevision: string; updateRevision: string; conditions?: { type: string; reason: string }[] };
}
export interface Revision {
  metadata: Meta;
  revision: number;
  data: unknown;
}
export interface List<T> {
  metadata: { resourceVersion: string };
  items: T[];
}
export interface WatchEvent {
  type: string;
  object: Pod;
}

export const gate = 'test.batuta.dev/go';
export type Fields = Record<string, unknown>;
export const template = (app: string, image: string, pod: Fields = {}, annotations: Labels = {}): Fields => ({
  metadata: { labels: { app }, annotations },
  spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'app', image }], ...pod },
});
export const workload = (
  kind: string,
  name: string,
  spec: Fields,
  { pod = {}, image = 'app:1', annotations = {} }: { pod?: Fields; image?: string; annotations?: Labels } = {},
): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, labels: { app: name }, annotations },
    spec: { selector: { matchLabels: { app: name } }, template: template(name, image, pod), ...spec },
  });
export const statefulSet = (name: string, spec: Fields = {}, more: { pod?: Fields; image?: string } = {}): string =>
  workload('StatefulSet', name, { serviceName: name, replicas: 3, ...spec }, more);
export const daemonSet = (name: string, spec: Fields = {}, more: { pod?: Fields; image?: string } = {}): string => workload('DaemonSet', name, spec, more);

/** What the tests of sets of pods ask one cluster for. */
export function setsKit(my: { readonly cluster: Cluster }) {
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const apply = (yaml: string): Promise<string> => my.cluster.apply(yaml);
  const pods = async (app: string): Promise<Pod[]> => (await json<List<Pod>>('get', 'pods', '-l', `app=${app}`)).items;
  const live = async (app: string): Promise<Pod[]> => (await pods(app)).filter((p) => p.metadata.deletionTimestamp === undefined);
  const names = async (app: string): Promise<string[]> => (await pods(app)).map((p) => p.metadata.name);
  const images = async (app: string): Promise<string[]> => (await pods(app)).map((p) => p.spec.containers[0]!.image);
  const rolledOut = async (what: string, timeout = '30s'): Promise<Output> => {
    const result = await my.cluster.tryKubectl(['rollout', 'status', what, `--timeout=${timeout}`]);
    assert.equal(result.code, 0, `${what}: ${result.out}${result.err}`);
    return result;
  };
  const setImage = (what: string, image: string): Promise<string> => k('set', 'image', what, `app=${image}`);
  const patchStatus = (what: string, status: Fields): Promise<string> =>
    k('patch', what, '--subresource=status', '--type=strategic', '-p', JSON.stringify({ status }));
  const open = (pod: string, status = 'True'): Promise<string> => patchStatus(`pod/${pod}`, { conditions: [{ type: gate, status }] });
  const isReady = (pod: Pod): boolean => (pod.status.conditions ?? []).some((c) => c.type === 'Ready' && c.status === 'True');
  const events = async (name: string, reason: string): Promise<string[]> =>
    (await json<List<{ message: string }>>('get', 'events', '--field-selector', `involvedObject.name=${name},reason=${reason}`)).items.map((e) => e.message);
  const raw = async <T>(path: string): Promise<T> => JSON.parse(await k('get', '--raw', `/apis/apps/v1/namespaces/work/${path}`)) as T;
  const revisions = async (app: string): Promise<Revision[]> =>
    (await json<List<Revision>>('get', 'controllerrevisions', '-l', `app=${app}`)).items.sort((a, b) => a.revision - b.revision);
  const gone = (app: string): Promise<boolean> => eventually(`pods of ${app} are gone`, async () => (await pods(app)).length === 0);
  /** What a watch of the pods says of what happens in between: `+name` when one is made, `-name` when one begins to end. */
  const recorded = async (app: string, act: () => Promise<unknown>): Promise<string[]> => {
    const { metadata } = JSON.parse(await k('get', '--raw', `/api/v1/namespaces/work/pods?labelSelector=app%3D${app}`)) as List<Pod>;
    await act();
    const path = `/api/v1/namespaces/work/pods?watch=1&timeoutSeconds=1&labelSelector=app%3D${app}&resourceVersion=${metadata.resourceVersion}`;
    const lines = (await k('get', '--raw', path)).trim().split('\n').filter(Boolean);
    const ending = new Set<string>();
    return lines.flatMap((line) => {
      const { type, object } = JSON.parse(line) as WatchEvent;
      if (type === 'ADDED') return [`+${object.metadata.name}`];
      const isEnding = type === 'DELETED' || object.metadata.deletionTimestamp !== undefined;
      if (!isEnding || ending.has(object.metadata.uid)) return [];
      ending.add(object.metadata.uid);
      return [`-${object.metadata.name}`];
    });
  };
  return { k, json, apply, pods, live, names, images, rolledOut, setImage, patchStatus, open, isReady, events, raw, revisions, gone, recorded };
}

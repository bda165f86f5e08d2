import assert from 'node:assert/strict';
import { type Output, type Cluster } from './harness.ts';

export interface Meta {
  name: string;
  uid: string;
  resourceVersion: string;
  generation?: number;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  managedFields?: { manager: string; operation: string; subresource?: string; fieldsV1: unknown }[];
}
export interface ConfigMap {
  metadata: Meta;
  data?: Record<string, string>;
}
export interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string }[];
  ports?: { containerPort: number; name?: string; protocol: string }[];
}
export interface Deployment {
  metadata: Meta;
  spec: { replicas: number; template: { spec: { containers: Container[] } } };
  status: { replicas?: number; readyReplicas?: number };
}
export interface Service {
  metadata: Meta;
  spec: {
    clusterIP?: string;
    clusterIPs?: string[];
    type: string;
    externalName?: string;
    ports: { name?: string; port: number; targetPort: number; protocol: string; nodePort?: number }[];
  };
}

export const kinds = [
  'configmaps',
  'endpoints',
  'events',
  'namespaces',
  'nodes',
  'pods',
  'secrets',
  'serviceaccounts',
  'services',
  'deployments',
  'replicasets',
  'leases',
  'endpointslices',
];
export const configMap = (name: string, data: Record<string, string>, metadata: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data });
export const deployment = (name: string, containers: object[], replicas = 0): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { replicas, selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { containers } } },
  });

/** kubectl against one cluster: its writes, its refusals and what it prints. */
export function apiKit(my: { readonly cluster: Cluster }) {
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const json = <T>(...args: string[]): Promise<T> => my.cluster.json<T>(...args);
  const on = (input: string, ...args: string[]): Promise<Output> => my.cluster.tryKubectl(args, { input });
  const fails = async (args: string[], message: RegExp, input?: string): Promise<void> => {
    const result = await my.cluster.tryKubectl(args, input === undefined ? {} : { input });
    assert.notEqual(result.code, 0, `kubectl ${args.join(' ')} should have failed: ${result.out}`);
    assert.match(result.err, message);
  };
  const works = async (input: string, ...args: string[]): Promise<string> => {
    const result = await on(input, ...args);
    assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.err}${result.out}`);
    return result.out;
  };
  const apply = (input: string, ...more: string[]): Promise<string> => works(input, 'apply', '-f', '-', ...more);
  return { k, json, on, fails, works, apply };
}

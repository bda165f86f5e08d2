import type { V1EndpointSlice, V1Pod, V1Service } from '#kinds';
import type { TableSettings } from './unit.ts';

/** Inputs of the renderer's tests. */
export const settings: TableSettings = {
  table: 'batuta-test',
  podCIDR: '10.64.0.0/16',
  serviceCIDR: '10.96.0.0/16',
  nodes: [
    { name: 'node-0', ip: '10.64.0.1', podCIDR: '10.64.0.0/24' },
    { name: 'node-1', ip: '10.64.1.1', podCIDR: '10.64.1.0/24' },
  ],
  hostAddresses: ['127.0.0.1'],
};

export function service(name: string, spec: Partial<NonNullable<V1Service['spec']>>, status?: V1Service['status']): V1Service {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }];
  return {
    metadata: { namespace: 'default', name },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5'], ports, ...spec },
    ...(status ? { status } : {}),
  };
}

export interface EndpointInput {
  ip: string;
  node?: string;
  ready?: boolean;
  serving?: boolean;
  terminating?: boolean;
  uid?: string;
  hostname?: string;
  zones?: string[];
  nodes?: string[];
}

export function slice(
  name: string,
  endpoints: readonly (string | EndpointInput)[],
  ports: V1EndpointSlice['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }],
): V1EndpointSlice {
  return {
    metadata: { namespace: 'default', name: `${name}-abc12`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports,
    endpoints: endpoints.map((input) => {
      const e: EndpointInput = typeof input === 'string' ? { ip: input } : input;
      const ready = e.ready ?? true;
      return {
        addresses: [e.ip],
        conditions: { ready, serving: e.serving ?? ready, terminating: e.terminating ?? false },
        ...(e.node ? { nodeName: e.node } : {}),
        ...(e.hostname ? { hostname: e.hostname } : {}),
        ...(e.zones || e.nodes ? { hints: { forZones: (e.zones ?? []).map((name) => ({ name })), forNodes: (e.nodes ?? []).map((name) => ({ name })) } } : {}),
        ...(e.uid ? { targetRef: { kind: 'Pod', uid: e.uid } } : {}),
      };
    }),
  };
}

export function podWithHostPort(
  name: string,
  ip: string,
  node: string,
  port: { hostPort: number; containerPort: number; hostIP?: string; protocol?: string },
): V1Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { nodeName: node, containers: [{ name: 'c', ports: [port] }] },
    status: { podIP: ip, phase: 'Running' },
  };
}

import { proxyHeaders, proxyName } from '#apiserver';
import type { Api, KubeObject, Kind } from '#machinery';
import { isApiError } from '#machinery';
import {
  ConfigMap,
  Endpoints,
  EndpointSlice,
  initialNamespaces,
  Namespace,
  PriorityClass,
  Service,
  systemPriorityClasses,
  type V1ConfigMap,
  type V1EndpointSlice,
  type V1Service,
} from '#kinds';
import type { NetworkPlan } from './plan.ts';

/** Creates the object, or makes the one there what we own of it. */
async function ensure<T extends KubeObject>(api: Api, kind: Kind<T>, wanted: T): Promise<void> {
  const key = { namespace: wanted.metadata?.namespace, name: wanted.metadata?.name ?? '' };
  try {
    await api.patch(kind, key, 'application/merge-patch+json', JSON.parse(JSON.stringify(wanted)));
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    await api.create(kind, wanted);
  }
}

/** At once, so that whoever asks first finds them; the namespace controller sees to them from then on. */
export async function createNamespaces(api: Api): Promise<void> {
  const create = (name: string): Promise<unknown> => api.create(Namespace, { apiVersion: Namespace.apiVersion, kind: Namespace.kind, metadata: { name } });
  await Promise.allSettled(initialNamespaces.map(create));
}

/** The `kubernetes` Service that pods reach the API by, and its endpoints: none without an address that pods could reach. */
export async function ensureKubernetesService(api: Api, plan: NetworkPlan, endpoint: { ip?: string; port: number }): Promise<void> {
  const service: V1Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP: plan.kubernetesIP,
      clusterIPs: [plan.kubernetesIP],
      type: 'ClusterIP',
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: endpoint.port }],
    },
  };
  await ensure(api, Service, service);
  const ports = [{ name: 'https', port: endpoint.port, protocol: 'TCP' }];
  await ensure(api, EndpointSlice, slice('kubernetes', 'default', endpoint.ip, ports));
  await ensure(api, Endpoints, {
    apiVersion: 'v1',
    kind: 'Endpoints',
    // The slice above is made beside it, not from it.
    metadata: { name: 'kubernetes', namespace: 'default', labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: endpoint.ip ? [{ addresses: [{ ip: endpoint.ip }], ports }] : [],
  });
}

/** The `kube-dns` Service: cluster DNS answers at a fixed address of the service range. */
export async function ensureDnsService(api: Api, plan: NetworkPlan, listenIP: string): Promise<void> {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  const service: V1Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' } },
    spec: { clusterIP: plan.dnsIP, clusterIPs: [plan.dnsIP], type: 'ClusterIP', ports: ports.map((p) => ({ ...p, targetPort: 53 })) },
  };
  await ensure(api, Service, service);
  await ensure(api, EndpointSlice, slice('kube-dns', 'kube-system', listenIP, ports));
}

/** What servers that extend the API read to know whom to trust: clients' certificates, and the proxy that vouches for users. */
export async function ensureClusterInfo(api: Api, clientCa: string, proxyCa: string): Promise<void> {
  const list = (value: string): string => JSON.stringify([value]);
  const info: V1ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'extension-apiserver-authentication', namespace: 'kube-system' },
    data: {
      'client-ca-file': clientCa,
      'requestheader-allowed-names': list(proxyName),
      'requestheader-client-ca-file': proxyCa,
      'requestheader-extra-headers-prefix': list(proxyHeaders.extraPrefix),
      'requestheader-group-headers': list(proxyHeaders.group),
      'requestheader-uid-headers': list(proxyHeaders.uid),
      'requestheader-username-headers': list(proxyHeaders.username),
    },
  };
  await ensure(api, ConfigMap, info);
}

/** The two classes that pods of the system name. */
export async function ensurePriorityClasses(api: Api): Promise<void> {
  for (const wanted of systemPriorityClasses) await ensure(api, PriorityClass, { apiVersion: PriorityClass.apiVersion, kind: PriorityClass.kind, ...wanted });
}

function slice(service: string, namespace: string, ip: string | undefined, ports: { name: string; port: number; protocol: string }[]): V1EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: service, namespace, labels: { 'kubernetes.io/service-name': service, 'endpointslice.kubernetes.io/managed-by': 'batuta' } },
    addressType: 'IPv4',
    endpoints: ip === undefined ? [] : [{ addresses: [ip], conditions: { ready: true, serving: true, terminating: false } }],
    ports,
  };
}

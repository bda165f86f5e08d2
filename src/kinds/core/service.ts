import { defineKind, type Kind } from '#machinery';
import type { V1Service, V1ServiceSpec } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { formatLabels } from '../support/selectors.ts';
import { validateServiceUpdate } from './service-addresses.ts';
import { exposed, serviceWarnings, validateService, validateServiceStatus } from './service-validation.ts';

function externalIP(service: V1Service, wide: boolean): string {
  const spec = service.spec ?? {};
  const own = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return own.length > 0 ? own.join(',') : '<none>';
  let given = (service.status?.loadBalancer?.ingress ?? [])
    .map((ingress) => ingress.ip || ingress.hostname || '')
    .filter(Boolean)
    .join(',');
  if (!wide && given.length > 16) given = `${given.slice(0, 13)}...`;
  if (own.length > 0) return given ? [given, ...own].join(',') : own.join(',');
  return given || '<pending>';
}

function portsText(spec: V1ServiceSpec | undefined): string {
  const ports = spec?.ports ?? [];
  return ports.length === 0 ? '<none>' : ports.map((port) => `${port.port}${port.nodePort ? `:${port.nodePort}` : ''}/${port.protocol}`).join(',');
}

/** Single stack IPv4; a headless Service without a selector claims both families, as its endpoints may be of either. */
function defaultFamilies(spec: V1ServiceSpec): void {
  const open = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= open && !spec.ipFamilies?.length ? 'RequireDualStack' : 'SingleStack';
  if (!spec.ipFamilies?.length) spec.ipFamilies = open && spec.ipFamilyPolicy !== 'SingleStack' ? ['IPv4', 'IPv6'] : ['IPv4'];
}

function defaultSpec(spec: V1ServiceSpec): void {
  spec.sessionAffinity ||= 'None';
  spec.type ||= 'ClusterIP';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else {
    const clientIP = ((spec.sessionAffinityConfig ??= {}).clientIP ??= {});
    clientIP.timeoutSeconds ??= 10800;
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (exposed(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'ExternalName') return;
  spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
  defaultFamilies(spec);
}

/** What the former type needed and the present one may not have: dropped unless the client set it anew. */
function dropTypeDependent(spec: V1ServiceSpec, old: V1ServiceSpec): void {
  if (spec.type === old.type) return;
  const needsNodePort = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (!needsNodePort) spec.ports?.forEach((port, i) => port.nodePort === old.ports?.[i]?.nodePort && delete port.nodePort);
  if (spec.type === 'ExternalName') {
    if (spec.clusterIP === old.clusterIP) delete spec.clusterIP;
    delete spec.clusterIPs;
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    delete spec.internalTrafficPolicy;
  }
  if (spec.type !== 'LoadBalancer') {
    delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === old.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (!exposed(spec)) delete spec.externalTrafficPolicy;
}

export const Service: Kind<V1Service> = defineKind<V1Service>({
  group: '',
  version: 'v1',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Service',
  createOnUpdate: true,
  status: true,
  generation: false,
  nameRule: 'dns-label-1035',
  subresources: [{ name: 'proxy', kind: 'ServiceProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] }],
  columns: [
    nameColumn,
    column('Type', 'string', 'type determines how the Service is exposed.', (service) => service.spec?.type),
    column(
      'Cluster-IP',
      'string',
      'clusterIP is the IP address of the service and is usually assigned randomly.',
      (service) => service.spec?.clusterIP || '<none>',
    ),
    column(
      'External-IP',
      'string',
      'externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this service.',
      (service) => externalIP(service, false),
    ),
    column('Port(s)', 'string', 'The list of ports that are exposed by this service.', (service) => portsText(service.spec)),
    ageColumn,
    column(
      'Selector',
      'string',
      'Route service traffic to pods with label keys and values matching this selector.',
      (service) => formatLabels(service.spec?.selector),
      1,
    ),
  ],
  selectableFields: { 'spec.clusterIP': (service) => service.spec?.clusterIP ?? '', 'spec.type': (service) => service.spec?.type ?? '' },
  defaults(service) {
    defaultSpec((service.spec ??= {}));
    if (service.spec.type !== 'LoadBalancer') return;
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= 'VIP';
  },
  prepareCreate(service) {
    service.status = { loadBalancer: {} };
  },
  prepareUpdate(service, old) {
    const [spec, before] = [service.spec!, old.spec ?? {}];
    dropTypeDependent(spec, before);
    // The singular field is the one that clients change: the list follows it.
    if (spec.clusterIP && spec.clusterIP !== before.clusterIP && spec.clusterIPs?.[0] === before.clusterIP) spec.clusterIPs = [spec.clusterIP];
    // An update that leaves out what was allocated keeps it.
    if (spec.type !== 'ExternalName' && before.type !== 'ExternalName' && !spec.clusterIP && before.clusterIP) {
      spec.clusterIP = before.clusterIP;
      if (before.clusterIPs) spec.clusterIPs = before.clusterIPs;
    }
    if (exposed(spec) && exposed(before)) keepNodePorts(spec, before);
  },
  validate: (service, old) => [...validateService(service), ...(old ? validateServiceUpdate(service, old) : [])],
  validateStatus: validateServiceStatus,
  warnings: serviceWarnings,
});

function keepNodePorts(spec: V1ServiceSpec, old: V1ServiceSpec): void {
  if (spec.type === 'ClusterIP') return;
  const known = new Map(old.ports?.map((port) => [`${port.protocol}/${port.port}`, port.nodePort]));
  const used = new Set(spec.ports?.map((port) => port.nodePort).filter(Boolean));
  for (const port of spec.ports ?? []) {
    const nodePort = known.get(`${port.protocol}/${port.port}`);
    if (port.nodePort || nodePort === undefined || used.has(nodePort)) continue;
    port.nodePort = nodePort;
  }
}

/** Validation of Services (pkg/apis/core/validation of Kubernetes 1.36); allocation checks are the API server's. */
import type { FieldError } from '#machinery';
import type { V1Service, V1ServicePort, V1ServiceSpec } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, oneOf, required, unsupported } from '../support/errors.ts';
import { specialIP, validCidr } from '../support/ip.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validateLabels, validIP, validPortName, validPortNumber } from '../support/names.ts';
import { needsHealthCheck, validateAddresses } from './service-addresses.ts';

const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const maxAffinitySeconds = 86400;
const kubeletPort = 10250;
const rangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';

export const exposed = (spec: V1ServiceSpec): boolean =>
  spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);

function validatePort(at: string, port: V1ServicePort, nameNeeded: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (port.name) errors.push(...checked(`${at}.name`, port.name, dnsLabel));
  else if (nameNeeded) errors.push(required(`${at}.name`));
  errors.push(...checked(`${at}.port`, port.port, validPortNumber), ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  const target = port.targetPort ?? port.port;
  errors.push(...(typeof target === 'number' ? checked(`${at}.targetPort`, target, validPortNumber) : checked(`${at}.targetPort`, target, validPortName)));
  if (port.appProtocol !== undefined) errors.push(...checked(`${at}.appProtocol`, port.appProtocol, qualifiedName));
  return errors;
}

/** Names, port numbers and node ports are each taken once per protocol. */
function validatePorts(ports: V1ServicePort[]): FieldError[] {
  const taken = new Set<string>();
  const twice = (key: string): boolean => taken.size === taken.add(key).size;
  return ports.flatMap((port, i) => {
    const at = `spec.ports[${i}]`;
    const errors = validatePort(at, port, ports.length > 1);
    if (port.name && twice(`name ${port.name}`)) errors.push(duplicate(`${at}.name`, port.name));
    if (port.nodePort && twice(`node ${port.protocol}/${port.nodePort}`)) errors.push(duplicate(`${at}.nodePort`, port.nodePort));
    if (twice(`${port.protocol}/${port.port}`)) errors.push(duplicate(at, { port: port.port, protocol: port.protocol }));
    return errors;
  });
}

function validateExternalName(spec: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.clusterIPs?.length || spec.clusterIP) errors.push(forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
  if (spec.ipFamilies?.length) errors.push(forbidden('spec.ipFamilies', 'may not be set for ExternalName services'));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services'));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  return [...errors, ...(name ? checked('spec.externalName', name, dnsSubdomain) : [required('spec.externalName')])];
}

function validateType(spec: V1ServiceSpec): FieldError[] {
  const { type, ports = [] } = spec;
  const headless = spec.clusterIP === 'None';
  const errors: FieldError[] = ports.length === 0 && !headless && type !== 'ExternalName' ? [required('spec.ports')] : [];
  if (type === 'ExternalName') errors.push(...validateExternalName(spec));
  if (headless && (type === 'LoadBalancer' || type === 'NodePort'))
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  ports.forEach((port, i) => {
    if (type === 'ClusterIP' && port.nodePort) errors.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    if (type === 'LoadBalancer' && port.port === kubeletPort)
      errors.push(invalidValue(`spec.ports[${i}]`, port.port, `may not expose port ${kubeletPort} externally since it is used by kubelet`));
  });
  return errors;
}

function validateAffinity(spec: V1ServiceSpec): FieldError[] {
  const errors = oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  const at = 'spec.sessionAffinityConfig';
  if (spec.sessionAffinity === 'None' && spec.sessionAffinityConfig) errors.push(forbidden(at, 'must not be set when session affinity is None'));
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (spec.sessionAffinity === 'ClientIP' && seconds !== undefined && (seconds <= 0 || seconds > maxAffinitySeconds))
    errors.push(invalidValue(`${at}.clientIP.timeoutSeconds`, seconds, `must be greater than 0 and less than ${maxAffinitySeconds}`));
  return errors;
}

function validateRanges({ metadata, spec = {} }: V1Service): FieldError[] {
  const onlyBalancers = "may only be used when `type` is 'LoadBalancer'";
  // The capital letter is kube-apiserver's.
  const field = 'spec.LoadBalancerSourceRanges';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    const errors = spec.type === 'LoadBalancer' ? [] : [forbidden(field, onlyBalancers)];
    return [...errors, ...ranges.flatMap((range, i) => validCidr(`${field}[${i}]`, range.trim()))];
  }
  const annotated = metadata?.annotations?.[rangesAnnotation];
  if (annotated === undefined) return [];
  const at = `metadata.annotations[${rangesAnnotation}]`;
  if (spec.type !== 'LoadBalancer') return [forbidden(at, onlyBalancers)];
  return annotated.trim() === '' ? [] : annotated.split(',').flatMap((range) => validCidr(at, range.trim()));
}

function validateBalancer(spec: V1ServiceSpec): FieldError[] {
  const balancer = spec.type === 'LoadBalancer';
  const onlyBalancers = "may only be used when `type` is 'LoadBalancer'";
  const errors: FieldError[] = [];
  if (!balancer && spec.allocateLoadBalancerNodePorts !== undefined) errors.push(forbidden('spec.allocateLoadBalancerNodePorts', onlyBalancers));
  if (spec.loadBalancerClass === undefined) return errors;
  return [
    ...errors,
    ...(balancer ? checked('spec.loadBalancerClass', spec.loadBalancerClass, qualifiedName) : [forbidden('spec.loadBalancerClass', onlyBalancers)]),
  ];
}

function validateTraffic(spec: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const { externalTrafficPolicy: external, internalTrafficPolicy: internal, healthCheckNodePort: health } = spec;
  if (exposed(spec)) errors.push(...oneOf('spec.externalTrafficPolicy', external, ['Cluster', 'Local']));
  else if (external) errors.push(invalidValue('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  if (health) {
    if (needsHealthCheck(spec)) errors.push(...checked('spec.healthCheckNodePort', health, validPortNumber));
    else errors.push(invalidValue('spec.healthCheckNodePort', health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  }
  if (internal !== undefined) errors.push(...oneOf('spec.internalTrafficPolicy', internal, ['Cluster', 'Local']));
  else if (spec.type !== 'ExternalName') errors.push(required('spec.internalTrafficPolicy'));
  const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
  if (spec.trafficDistribution !== undefined && !distributions.includes(spec.trafficDistribution))
    errors.push(unsupported('spec.trafficDistribution', spec.trafficDistribution, distributions));
  return errors;
}

function validateTopologyMode({ metadata }: V1Service): FieldError[] {
  const [hints, mode] = [metadata?.annotations?.['service.kubernetes.io/topology-aware-hints'], metadata?.annotations?.['service.kubernetes.io/topology-mode']];
  if (hints === undefined || mode === undefined || hints === mode) return [];
  const text = 'must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified';
  return [invalidValue('metadata.annotations[service.kubernetes.io/topology-mode]', mode, text)];
}

export function validateService(service: V1Service): FieldError[] {
  const spec = service.spec!;
  return [
    ...validateTopologyMode(service),
    ...validateType(spec),
    ...validatePorts(spec.ports ?? []),
    ...validateLabels('spec.selector', spec.selector),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...(spec.externalIPs ?? []).flatMap((ip, i) => {
      const errors = checked(`spec.externalIPs[${i}]`, ip, validIP);
      return errors.length > 0 ? errors : checked(`spec.externalIPs[${i}]`, ip, specialIP);
    }),
    ...oneOf('spec.type', spec.type, types),
    ...validateRanges(service),
    ...validateBalancer(spec),
    ...validateTraffic(spec),
  ];
}

export function validateServiceStatus({ spec, status }: V1Service): FieldError[] {
  const ingress = status?.loadBalancer?.ingress ?? [];
  const field = 'status.loadBalancer.ingress';
  if (ingress.length > 0 && spec?.type !== 'LoadBalancer') return [forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")];
  return ingress.flatMap(({ ip, ipMode, hostname }, i) => {
    const at = `${field}[${i}]`;
    const errors = ip ? checked(`${at}.ip`, ip, validIP) : [];
    if (ipMode !== undefined) {
      if (!ip) errors.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
      else if (ipMode !== 'VIP' && ipMode !== 'Proxy') errors.push(unsupported(`${at}.ipMode`, ipMode, ['Proxy', 'VIP']));
    }
    if (!hostname) return errors;
    if (validIP(hostname).length === 0) errors.push(invalidValue(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    return [...errors, ...checked(`${at}.hostname`, hostname, dnsSubdomain)];
  });
}

/** What has no effect as it is written (pkg/api/service/warnings.go). */
export function serviceWarnings({ metadata, spec = {} }: V1Service): string[] {
  const warnings: string[] = [];
  const headless = spec.clusterIP === 'None';
  if (metadata?.annotations?.['service.kubernetes.io/topology-aware-hints'] !== undefined)
    warnings.push('annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead');
  if (headless && spec.loadBalancerIP) warnings.push('spec.loadBalancerIP is ignored for headless services');
  if (headless && spec.externalIPs?.length) warnings.push('spec.externalIPs is ignored for headless services');
  if (headless && spec.sessionAffinity !== 'None') warnings.push('spec.SessionAffinity is ignored for headless services');
  if (spec.type === 'ExternalName' && spec.externalIPs?.length) warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== 'ExternalName' && spec.externalName) warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  return warnings;
}

/** Validation of Services (pkg/apis/core/validation of Kubernetes 1.36); allocation checks are the API server's. */
import type { FieldError } from '#machinery';
import type { V1Service, V1ServicePort, V1ServiceSpec } from '../generated/types.ts';
import { duplicate, forbidden, immutable, invalidValue, oneOf, required } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, validateLabels, validIP, validPortName, validPortNumber } from '../support/names.ts';

function validatePorts(ports: V1ServicePort[], headless: boolean): FieldError[] {
  const names = new Set<string>();
  const pairs = new Set<string>();
  const nodePorts = new Set<string>();
  return ports.flatMap((port, i) => {
    const at = `spec.ports[${i}]`;
    const errors: FieldError[] = [];
    if (!port.name) {
      if (ports.length > 1) errors.push(required(`${at}.name`));
    } else {
      errors.push(...checked(`${at}.name`, port.name, dnsLabel));
      if (names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
      names.add(port.name);
    }
    errors.push(...checked(`${at}.port`, port.port, validPortNumber), ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    const target = port.targetPort ?? port.port;
    errors.push(...(typeof target === 'number' ? checked(`${at}.targetPort`, target, validPortNumber) : checked(`${at}.targetPort`, target, validPortName)));
    if (headless && typeof target === 'number' && target !== port.port && port.nodePort)
      errors.push(invalidValue(`${at}.targetPort`, target, 'must be equal to the value of `port` when clusterIP = None'));
    const pair = `${port.protocol}/${port.port}`;
    if (pairs.has(pair)) errors.push(duplicate(at, { port: port.port, protocol: port.protocol }));
    pairs.add(pair);
    if (port.nodePort) {
      const nodePair = `${port.protocol}/${port.nodePort}`;
      if (nodePorts.has(nodePair)) errors.push(duplicate(`${at}.nodePort`, port.nodePort));
      nodePorts.add(nodePair);
      errors.push(...checked(`${at}.nodePort`, port.nodePort, validPortNumber));
    }
    return errors;
  });
}

function validateType(spec: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  const type = spec.type!;
  const headless = spec.clusterIP === 'None';
  if (type === 'ExternalName') {
    if (spec.clusterIP) errors.push(forbidden('spec.clusterIPs[0]', 'may not be set when `type` is ExternalName'));
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    errors.push(...(name ? checked('spec.externalName', name, dnsSubdomain) : [required('spec.externalName')]));
    return errors;
  }
  if (headless && type !== 'ClusterIP') errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  if (!headless && (spec.ports ?? []).length === 0) errors.push(required('spec.ports'));
  if (type === 'ClusterIP')
    spec.ports?.forEach((port, i) => port.nodePort && errors.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'")));
  if (type !== 'LoadBalancer') {
    for (const key of ['loadBalancerSourceRanges', 'loadBalancerClass', 'allocateLoadBalancerNodePorts'] as const) {
      if (spec[key] !== undefined) errors.push(forbidden(`spec.${key}`, "may only be used when `type` is 'LoadBalancer'"));
    }
  }
  return errors;
}

export function validateService(service: V1Service): FieldError[] {
  const spec = service.spec!;
  const errors = [
    ...oneOf('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']),
    ...validatePorts(spec.ports ?? [], spec.clusterIP === 'None'),
    ...validateLabels('spec.selector', spec.selector),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...validateType(spec),
  ];
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (timeout !== undefined && (timeout <= 0 || timeout > 86400))
    errors.push(invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', timeout, 'must be greater than 0 and less than 86400'));
  spec.clusterIPs?.forEach((ip, i) => {
    if (ip !== 'None') errors.push(...checked(`spec.clusterIPs[${i}]`, ip, validIP));
    else if (i > 0) errors.push(invalidValue(`spec.clusterIPs[${i}]`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  });
  spec.externalIPs?.forEach((ip, i) => errors.push(...checked(`spec.externalIPs[${i}]`, ip, validIP)));
  if (spec.externalTrafficPolicy !== undefined) {
    if (!exposed(spec))
      errors.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
    else errors.push(...oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local']));
  }
  if (spec.internalTrafficPolicy !== undefined) errors.push(...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']));
  if (spec.ipFamilyPolicy !== undefined)
    errors.push(...oneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']));
  return errors;
}

export const exposed = (spec: V1ServiceSpec): boolean =>
  spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);

export function validateServiceUpdate(service: V1Service, old: V1Service): FieldError[] {
  const [spec, before] = [service.spec!, old.spec ?? {}];
  // A Service that becomes or was an ExternalName gains or loses its IP; others keep it.
  if (before.type === 'ExternalName' || spec.type === 'ExternalName' || !before.clusterIP || spec.clusterIP === before.clusterIP) return [];
  return [immutable('spec.clusterIPs[0]', spec.clusterIP ?? '')].map((error) => ({
    ...error,
    message: `Invalid value: ${JSON.stringify(spec.clusterIPs ?? [])}: may not change once set`,
    field: 'spec.clusterIPs[0]',
  }));
}

/** Validation of Endpoints (pkg/apis/core/validation). */
import type { FieldError } from '#machinery';
import type { CoreV1EndpointPort, V1EndpointAddress, V1Endpoints } from '../generated/types.ts';
import { forbidden, oneOf, required } from '../support/errors.ts';
import { specialIP } from '../support/ip.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validIP, validPortNumber } from '../support/names.ts';

/** An address that a Service may send traffic to. */
export function validateEndpointIP(field: string, ip: string): FieldError[] {
  const errors = checked(field, ip, validIP);
  return errors.length > 0 ? errors : checked(field, ip, specialIP);
}

function validateAddress(at: string, { ip, hostname, nodeName }: V1EndpointAddress): FieldError[] {
  return [
    ...validateEndpointIP(`${at}.ip`, ip ?? ''),
    ...(hostname ? checked(`${at}.hostname`, hostname, dnsLabel) : []),
    ...(nodeName !== undefined ? checked(`${at}.nodeName`, nodeName, dnsSubdomain) : []),
  ];
}

function validatePort(at: string, port: CoreV1EndpointPort, nameNeeded: boolean): FieldError[] {
  const errors: FieldError[] = port.name ? checked(`${at}.name`, port.name, dnsLabel) : nameNeeded ? [required(`${at}.name`)] : [];
  errors.push(...checked(`${at}.port`, port.port ?? 0, validPortNumber), ...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
  if (port.appProtocol !== undefined) errors.push(...checked(`${at}.appProtocol`, port.appProtocol, qualifiedName));
  return errors;
}

const nodesOf = (endpoints: V1Endpoints): Map<string, string> =>
  new Map((endpoints.subsets ?? []).flatMap((subset) => (subset.addresses ?? []).flatMap(({ ip, nodeName }) => (nodeName ? [[ip, nodeName] as const] : []))));

/** An address does not move from one node to another. */
function validateNodes(endpoints: V1Endpoints, old: V1Endpoints): FieldError[] {
  const before = nodesOf(old);
  return (endpoints.subsets ?? []).flatMap((subset, s) =>
    (subset.addresses ?? []).flatMap(({ ip, nodeName }, a) => {
      const was = before.get(ip);
      if (!nodeName || was === undefined || was === nodeName) return [];
      return [forbidden(`subsets[${s}].addresses[${a}].nodeName`, `Cannot change NodeName for ${ip} to ${nodeName}`)];
    }),
  );
}

export function validateEndpoints(endpoints: V1Endpoints, old: V1Endpoints | undefined): FieldError[] {
  const errors = (endpoints.subsets ?? []).flatMap((subset, i) => {
    const at = `subsets[${i}]`;
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    return [
      ...(addresses.length + notReadyAddresses.length === 0 ? [required(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((address, a) => validateAddress(`${at}.addresses[${a}]`, address)),
      ...notReadyAddresses.flatMap((address, a) => validateAddress(`${at}.notReadyAddresses[${a}]`, address)),
      ...ports.flatMap((port, p) => validatePort(`${at}.ports[${p}]`, port, ports.length > 1)),
    ];
  });
  return old ? [...errors, ...validateNodes(endpoints, old)] : errors;
}

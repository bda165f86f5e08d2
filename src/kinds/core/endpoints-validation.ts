/** Validation of Endpoints (pkg/apis/core/validation). */
import type { FieldError } from '#machinery';
import type { CoreV1EndpointPort, V1EndpointAddress, V1Endpoints } from '../generated/types.ts';
import { invalidValue, oneOf, required } from '../support/errors.ts';
import { specialIP } from '../support/ip.ts';
import { checked, dnsLabel, dnsSubdomain, qualifiedName, validIP, validPortNumber } from '../support/names.ts';

/** Says for itself that what is no address is none. */
export function validateOrdinaryIP(field: string, ip: string): FieldError[] {
  return validIP(ip).length > 0 ? [invalidValue(field, ip, 'must be a valid IP address')] : checked(field, ip, specialIP);
}

/** An address that a Service may send traffic to. */
export function validateEndpointIP(field: string, ip: string): FieldError[] {
  return [...checked(field, ip, validIP), ...validateOrdinaryIP(field, ip)];
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

export function validateEndpoints(endpoints: V1Endpoints): FieldError[] {
  return (endpoints.subsets ?? []).flatMap((subset, i) => {
    const at = `subsets[${i}]`;
    const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
    return [
      ...(addresses.length + notReadyAddresses.length === 0 ? [required(at, 'must specify `addresses` or `notReadyAddresses`')] : []),
      ...addresses.flatMap((address, a) => validateAddress(`${at}.addresses[${a}]`, address)),
      ...notReadyAddresses.flatMap((address, a) => validateAddress(`${at}.notReadyAddresses[${a}]`, address)),
      ...ports.flatMap((port, p) => validatePort(`${at}.ports[${p}]`, port, ports.length > 1)),
    ];
  });
}

/** Validation of EndpointSlices (pkg/apis/discovery/validation). */
import type { FieldError } from '#machinery';
import { validateOrdinaryIP } from '../core/endpoints-validation.ts';
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointHints, V1EndpointSlice } from '../generated/types.ts';
import { duplicate, immutable, invalidValue, oneOf, required, tooMany } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain, isIPv4, isIPv6, qualifiedName, validateLabels, validLabelValue, validPortNumber } from '../support/names.ts';

const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20_000;
const maxHints = 8;
const maxTopologyLabels = 16;

function validateAddress(field: string, type: string, value: string): FieldError[] {
  if (type === 'FQDN') return validateDomain(field, value);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const fits = type === 'IPv4' ? isIPv4(value) : isIPv6(value);
  return [...(fits ? [] : [invalidValue(field, value, `must be a valid ${type} address`)]), ...validateOrdinaryIP(field, value)];
}

/** A domain name of two labels or more, with or without the dot at its end. */
function validateDomain(field: string, value: string): FieldError[] {
  if (!value) return [required(field)];
  const name = value.replace(/\.$/, '');
  const errors = checked(field, name, dnsSubdomain);
  if (errors.length > 0) return errors;
  const labels = name.split('.');
  if (labels.length < 2) return [invalidValue(field, name, 'should be a domain with at least two segments separated by dots')];
  return labels.flatMap((label) => checked(field, label, dnsLabel));
}

function validateHints(at: string, hints: V1EndpointHints): FieldError[] {
  const seen = new Set<string>();
  const zones = hints.forZones ?? [];
  if (zones.length > maxHints) return [tooMany(`${at}.forZones`, zones.length, maxHints)];
  const errors = zones.flatMap(({ name }, i) => {
    const field = `${at}.forZones[${i}].name`;
    const twice = seen.has(name);
    seen.add(name);
    return [...(twice ? [duplicate(field, name)] : []), ...checked(field, name ?? '', validLabelValue)];
  });
  const nodes = hints.forNodes ?? [];
  if (nodes.length > maxHints) errors.push(tooMany(`${at}.forNodes`, nodes.length, maxHints));
  return [...errors, ...nodes.flatMap(({ name }, i) => checked(`${at}.forNodes[${i}].name`, name ?? '', dnsSubdomain))];
}

function validateEndpoint(at: string, endpoint: V1Endpoint, type: string): FieldError[] {
  const addresses = endpoint.addresses ?? [];
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > maxAddresses) errors.push(tooMany(`${at}.addresses`, addresses.length, maxAddresses));
  addresses.forEach((address, a) => errors.push(...validateAddress(`${at}.addresses[${a}]`, type, address)));
  if (endpoint.nodeName !== undefined) errors.push(...checked(`${at}.nodeName`, endpoint.nodeName, dnsSubdomain));
  if (endpoint.hostname !== undefined) errors.push(...checked(`${at}.hostname`, endpoint.hostname, dnsLabel));
  const topology = Object.keys(endpoint.deprecatedTopology ?? {}).length;
  if (topology > maxTopologyLabels) errors.push(tooMany(`${at}.deprecatedTopology`, topology, maxTopologyLabels));
  errors.push(...validateLabels(`${at}.deprecatedTopology`, endpoint.deprecatedTopology));
  return endpoint.hints ? [...errors, ...validateHints(`${at}.hints`, endpoint.hints)] : errors;
}

function validatePorts(ports: DiscoveryV1EndpointPort[]): FieldError[] {
  if (ports.length > maxPorts) return [tooMany('ports', ports.length, maxPorts)];
  const seen = new Set<string>();
  return ports.flatMap((port, i) => {
    const at = `ports[${i}]`;
    const name = port.name ?? '';
    const errors = name ? checked(`${at}.name`, name, dnsLabel) : [];
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    errors.push(...oneOf(`${at}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    if (port.port !== undefined) errors.push(...checked(`${at}.port`, port.port, validPortNumber));
    if (port.appProtocol !== undefined) errors.push(...checked(`${at}.appProtocol`, port.appProtocol, qualifiedName));
    return errors;
  });
}

export function validateSlice(slice: V1EndpointSlice, old: V1EndpointSlice | undefined): FieldError[] {
  const endpoints = slice.endpoints ?? [];
  const errors = oneOf('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6']);
  if (endpoints.length > maxEndpoints) errors.push(tooMany('endpoints', endpoints.length, maxEndpoints));
  else endpoints.forEach((endpoint, i) => errors.push(...validateEndpoint(`endpoints[${i}]`, endpoint, slice.addressType)));
  errors.push(...validatePorts(slice.ports ?? []));
  if (old && old.addressType !== slice.addressType) errors.push(immutable('addressType', slice.addressType));
  return errors;
}

import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1EndpointSlice } from '../generated/types.ts';
import { ageColumn, column, firstThree, nameColumn } from '../support/columns.ts';
import { immutable, oneOf, required } from '../support/errors.ts';
import { checked, dnsSubdomain, isIPv4, isIPv6, validPortNumber } from '../support/names.ts';

function addressProblems(type: string, value: string): string[] {
  if (type === 'IPv4') return isIPv4(value) ? [] : ['must be a valid IPv4 address'];
  if (type === 'IPv6') return isIPv6(value) ? [] : ['must be a valid IPv6 address'];
  return dnsSubdomain(value);
}

function validate(slice: V1EndpointSlice): FieldError[] {
  const errors = oneOf('addressType', slice.addressType, ['FQDN', 'IPv4', 'IPv6']);
  slice.endpoints?.forEach((endpoint, i) => {
    const at = `endpoints[${i}]`;
    if ((endpoint.addresses ?? []).length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
    endpoint.addresses?.forEach((address, a) =>
      errors.push(...checked(`${at}.addresses[${a}]`, address, (value: string) => addressProblems(slice.addressType, value))),
    );
  });
  slice.ports?.forEach((port, i) => {
    if (port.port !== undefined) errors.push(...checked(`ports[${i}].port`, port.port, validPortNumber));
  });
  return errors;
}

export const EndpointSlice: Kind<V1EndpointSlice> = defineKind<V1EndpointSlice>({
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
  schema: 'V1EndpointSlice',
  generation: true,
  columns: [
    nameColumn,
    column('AddressType', 'string', 'addressType specifies the type of address carried by this EndpointSlice.', (slice) => slice.addressType),
    column('Ports', 'string', 'ports specifies the list of network ports exposed by each endpoint in this slice.', (slice) =>
      firstThree(
        (slice.ports ?? []).map((port) => String(port.port ?? '*')),
        '<unset>',
      ),
    ),
    column('Endpoints', 'string', 'endpoints is a list of unique endpoints in this slice.', (slice) =>
      firstThree(
        (slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []),
        '<unset>',
      ),
    ),
    ageColumn,
  ],
  defaults(slice) {
    slice.endpoints ??= [];
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: (slice, old) => [...validate(slice), ...(old && old.addressType !== slice.addressType ? [immutable('addressType', slice.addressType)] : [])],
});

import { defineKind, type Kind } from '#machinery';
import type { V1EndpointSlice } from '../generated/types.ts';
import { ageColumn, column, firstThree, nameColumn } from '../support/columns.ts';
import { validateSlice } from './slice-validation.ts';

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
        (slice.ports ?? []).map((port) => String(port.port ?? (port.name || '*'))),
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
  validate: validateSlice,
  warnings: (slice) => (slice.addressType === 'FQDN' ? ['addressType: FQDN endpoints are deprecated'] : []),
});

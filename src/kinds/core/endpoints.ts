import { defineKind, type Kind } from '#machinery';
import type { V1Endpoints } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { validateEndpoints } from './endpoints-validation.ts';

function endpointsText(endpoints: V1Endpoints): string {
  const all: string[] = [];
  for (const subset of endpoints.subsets ?? []) {
    for (const address of subset.addresses ?? []) {
      const ip = address.ip.includes(':') ? `[${address.ip}]` : address.ip;
      if ((subset.ports ?? []).length === 0) all.push(address.ip);
      for (const port of subset.ports ?? []) all.push(`${ip}:${port.port}`);
    }
  }
  if (all.length === 0) return '<none>';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

export const Endpoints: Kind<V1Endpoints> = defineKind<V1Endpoints>({
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  schema: 'V1Endpoints',
  createOnUpdate: true,
  columns: [nameColumn, column('Endpoints', 'string', 'The set of all endpoints is the union of all subsets.', endpointsText), ageColumn],
  defaults(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: (endpoints) => validateEndpoints(endpoints),
});

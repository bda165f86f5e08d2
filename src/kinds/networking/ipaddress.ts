import { defineKind, pathSegmentProblems, type FieldError, type Kind } from '#machinery';
import type { V1IPAddress, V1ParentReference } from '../generated/types.ts';
import { column, nameColumn } from '../support/columns.ts';
import { invalidValue, required, unchanged } from '../support/errors.ts';
import { canonicalIP } from '../support/ip.ts';
import { checked, dnsSubdomain, validIP } from '../support/names.ts';

function validateName(name: string): FieldError[] {
  const errors = checked('metadata.name', name, validIP);
  if (errors.length > 0) return errors;
  const canonical = canonicalIP(name);
  return canonical === name ? [] : [invalidValue('metadata.name', name, `must be a canonical form IP address: ${canonical}`)];
}

function validateParent(parent: V1ParentReference | undefined): FieldError[] {
  const at = 'spec.parentRef';
  if (!parent) return [required(at)];
  const errors = parent.group ? checked(`${at}.group`, parent.group, dnsSubdomain) : [];
  for (const key of ['resource', 'name'] as const)
    errors.push(...(parent[key] ? checked(`${at}.${key}`, parent[key], pathSegmentProblems) : [required(`${at}.${key}`)]));
  return parent.namespace ? [...errors, ...checked(`${at}.namespace`, parent.namespace, pathSegmentProblems)] : errors;
}

/** `services/default/kubernetes`. */
function parentText({ spec }: V1IPAddress): string {
  const parent = spec?.parentRef;
  if (!parent) return '<none>';
  return [parent.group ? `${parent.resource}.${parent.group}` : parent.resource, ...(parent.namespace ? [parent.namespace] : []), parent.name].join('/');
}

/** An address that is in use; its name is the address, so that nobody can take it twice. */
export const IPAddress: Kind<V1IPAddress> = defineKind<V1IPAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  schema: 'V1IPAddress',
  nameRule: 'path-segment',
  columns: [nameColumn, column('ParentRef', 'string', 'ParentRef references the resource that an IPAddress is attached to.', parentText)],
  validate: ({ metadata, spec }, old) => [
    ...(old ? unchanged('spec.parentRef', spec?.parentRef, old.spec?.parentRef) : validateName(metadata?.name ?? '')),
    ...validateParent(spec?.parentRef),
  ],
});

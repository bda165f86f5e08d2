import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1ServiceCIDR } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { invalidValue, required } from '../support/errors.ts';
import { hasHostBits, parseCidr, validCidr } from '../support/ip.ts';

function validateCidrs(cidrs: string[] | undefined): FieldError[] {
  const field = 'spec.cidrs';
  if (!cidrs?.length) return [required(field, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalidValue(field, cidrs, 'may only hold up to 2 values')];
  const parsed = cidrs.map(parseCidr);
  const errors = cidrs.flatMap((text, i) => {
    const cidr = parsed[i];
    if (!cidr) return validCidr(`${field}[${i}]`, text);
    return hasHostBits(cidr) ? [invalidValue(`${field}[${i}]`, text, 'must not have bits set beyond the prefix length')] : [];
  });
  if (parsed.length === 2 && parsed[0] && parsed[0].bits === parsed[1]?.bits)
    errors.push(invalidValue(field, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  return errors;
}

/** A range may become dual-stack once; what is there stays. */
function validateUpdate(now: string[], before: string[]): FieldError[] {
  const grows = before.length === 1 && now.length === 2;
  return now.length === before.length || grows
    ? before.flatMap((cidr, i) => (now[i] === cidr ? [] : [invalidValue(`spec.cidrs[${i}]`, now[i], 'field is immutable')]))
    : [invalidValue('spec.cidrs', now, 'field is immutable')];
}

export const ServiceCIDR: Kind<V1ServiceCIDR> = defineKind<V1ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  plural: 'servicecidrs',
  namespaced: false,
  schema: 'V1ServiceCIDR',
  status: true,
  generation: false,
  columns: [
    nameColumn,
    column('CIDRs', 'string', 'CIDRs defines the IP blocks from which to assign service cluster IPs.', ({ spec }) => (spec?.cidrs ?? []).join(',')),
    ageColumn,
  ],
  prepareCreate(cidr) {
    cidr.status = {};
  },
  validate: ({ spec }, old) => [...validateCidrs(spec?.cidrs), ...(old ? validateUpdate(spec?.cidrs ?? [], old.spec?.cidrs ?? []) : [])],
});

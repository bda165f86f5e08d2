import { defineKind, type FieldError, type Kind } from '#machinery';
import type { ResourceV1ResourceClaim } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { duplicate, forbidden, required, sameJson, tooMany, unchanged } from '../support/errors.ts';
import { checked, dnsSubdomain } from '../support/names.ts';
import { defaultClaimSpec, validateClaimSpec } from './claims.ts';

function stateText({ metadata, status }: ResourceV1ResourceClaim): string {
  const states = metadata?.deletionTimestamp ? ['deleted'] : [];
  if (!status?.allocation) return [...states, ...(states.length === 0 ? ['pending'] : [])].join(',');
  return [...states, 'allocated', ...(status.reservedFor?.length ? ['reserved'] : [])].join(',');
}

function validateStatus(claim: ResourceV1ResourceClaim, old: ResourceV1ResourceClaim): FieldError[] {
  const { allocation, reservedFor = [] } = claim.status ?? {};
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  if (reservedFor.length > 256) errors.push(tooMany('status.reservedFor', reservedFor.length, 256));
  reservedFor.forEach((consumer, i) => {
    const at = `status.reservedFor[${i}]`;
    if (consumer.apiGroup) errors.push(...checked(`${at}.apiGroup`, consumer.apiGroup, dnsSubdomain));
    for (const key of ['resource', 'name', 'uid'] as const) if (!consumer[key]) errors.push(required(`${at}.${key}`));
    if (seen.has(consumer.uid)) errors.push(duplicate(`${at}.uid`, consumer.uid));
    seen.add(consumer.uid);
  });
  if (reservedFor.length > 0 && !allocation) errors.push(forbidden('status.reservedFor', 'may not be specified when `allocated` is not set'));
  const before = old.status?.allocation;
  if (before && allocation) errors.push(...unchanged('status.allocation', allocation, before));
  if (claim.metadata?.deletionTimestamp && allocation && !before)
    errors.push(forbidden('status.allocation', 'a claim may not be allocated or reserved when in deleted state'));
  if (claim.metadata?.deletionTimestamp && reservedFor.length > (old.status?.reservedFor ?? []).length)
    errors.push(forbidden('status.reservedFor', 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set'));
  return errors;
}

export const ResourceClaim: Kind<ResourceV1ResourceClaim> = defineKind<ResourceV1ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  namespaced: true,
  schema: 'ResourceV1ResourceClaim',
  status: true,
  generation: false,
  columns: [nameColumn, column('State', 'string', 'A summary of the current state (allocated, pending, reserved, etc.).', stateText), ageColumn],
  defaults(claim) {
    claim.spec ??= {};
    defaultClaimSpec(claim.spec);
  },
  prepareCreate(claim) {
    claim.status = {};
  },
  validate: (claim, old) => (old && !sameJson(claim.spec, old.spec) ? unchanged('spec', claim.spec, old.spec) : validateClaimSpec('spec', claim.spec)),
  validateStatus,
});

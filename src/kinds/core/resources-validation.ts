/** Validation of what containers and pods ask for and are limited to. */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type { V1PodSpec, V1ResourceRequirements } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, notFoundValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, dnsLabel, qualifiedName } from '../support/names.ts';
import { aggregate, quantityText } from './pod-level.ts';
import { isExtendedResource, isOvercommitAllowed } from '../support/resources.ts';

type List = { readonly [name: string]: string } | undefined;

const computeResources = new Set(['cpu', 'memory', 'ephemeral-storage']);
const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

export function validateResourceName(at: string, name: string): FieldError[] {
  const errors = checked(at, name, qualifiedName);
  if (errors.length > 0) return errors;
  const standard = computeResources.has(name) || isHugePages(name);
  if (!name.includes('/')) {
    if (standard) return [];
    return [
      invalidValue(at, name, 'must be a standard resource type or fully qualified'),
      invalidValue(at, name, 'must be a standard resource for containers'),
    ];
  }
  return name.includes('kubernetes.io/') || isExtendedResource(name) ? [] : [invalidValue(at, name, "doesn't follow extended resource name standard")];
}

function validateAmount(at: string, name: string, text: string): FieldError[] {
  const value = parseQuantity(text);
  if (value === undefined) return [];
  const errors: FieldError[] = [];
  if (value < 0) errors.push(invalidValue(at, text, 'must be greater than or equal to 0'));
  if (isExtendedResource(name) && !Number.isInteger(value)) errors.push(invalidValue(at, text, 'must be an integer'));
  if (isHugePages(name)) {
    const page = parseQuantity(name.slice('hugepages-'.length)) ?? 0;
    if (page > 0 && value % page !== 0) errors.push(invalidValue(at, text, `${text} is not positive integer multiple of ${name}`));
  }
  return errors;
}

function validateList(field: string, list: List): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, value]) => {
    const at = `${field}[${name}]`;
    return [...validateResourceName(at, name), ...validateAmount(at, name, value)];
  });
}

/** A request is within its limit; what cannot be overcommitted is limited to what is requested. */
function validateRequests(field: string, requests: List, limits: List): FieldError[] {
  return Object.entries(requests ?? {}).flatMap(([name, text]) => {
    const limit = limits?.[name];
    if (limit === undefined) return isOvercommitAllowed(name) ? [] : [required(`${field}.limits`, 'Limit must be set for non overcommitable resources')];
    const [want, most] = [parseQuantity(text) ?? 0, parseQuantity(limit) ?? 0];
    if (want !== most && !isOvercommitAllowed(name)) return [invalidValue(`${field}.requests`, text, `must be equal to ${name} limit of ${limit}`)];
    return want > most ? [invalidValue(`${field}.requests`, text, `must be less than or equal to ${name} limit of ${limit}`)] : [];
  });
}

/** `claims` are the names of the pod's resourceClaims. */
function validateClaims(field: string, resources: V1ResourceRequirements, claims: ReadonlySet<string>): FieldError[] {
  const seen = new Set<string>();
  return (resources.claims ?? []).flatMap(({ name, request }, i) => {
    const at = `${field}[${i}]`;
    if (!name) return [required(at)];
    const key = request ? `${name}/${request}` : name;
    const errors = request ? checked(`${at}.request`, request, dnsLabel) : [];
    // All of a claim, or one of its requests: what one entry holds no other may.
    if (seen.has(name)) errors.push(duplicate(at, name));
    else if (seen.has(key)) errors.push(duplicate(at, key));
    else if (!request && [...seen].some((other) => other.startsWith(`${name}/`))) errors.push(duplicate(at, name));
    seen.add(key);
    if (!claims.has(name)) {
      const missing = notFoundValue(at, name);
      const known = claims.size === 0 ? ' which is empty' : `: ${[...claims].toSorted().join(', ')}`;
      errors.push({ ...missing, message: `${missing.message}: must be one of the names in pod.spec.resourceClaims${known}` });
    }
    return errors;
  });
}

const none: ReadonlySet<string> = new Set();
export function validateResources(field: string, resources: V1ResourceRequirements | undefined, claims: ReadonlySet<string> = none): FieldError[] {
  if (!resources) return [];
  const { limits, requests } = resources;
  const errors = [...validateList(`${field}.limits`, limits), ...validateList(`${field}.requests`, requests), ...validateRequests(field, requests, limits)];
  const names = Object.keys({ ...limits, ...requests });
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) errors.push(forbidden(field, 'HugePages require cpu or memory'));
  if (resources.claims) errors.push(...validateClaims(`${field}.claims`, resources, claims));
  return errors;
}

/** Resources of the pod as a whole (KEP-2837): CPU, memory and huge pages, and no less than its containers want. */
export function validatePodResources(field: string, spec: V1PodSpec): FieldError[] {
  const { resources } = spec;
  if (!resources) return [];
  const errors: FieldError[] = [];
  if (resources.claims) errors.push(forbidden(`${field}.claims`, 'claims cannot be set for Resources at pod-level'));
  for (const part of ['limits', 'requests'] as const)
    for (const name in resources[part])
      if (name !== 'cpu' && name !== 'memory' && !isHugePages(name))
        errors.push(unsupportedOf(`${field}.${part}[${name}]`, name, ['cpu', 'hugepages-', 'memory']));
  if (errors.length > 0) return errors;
  errors.push(...validateResources(field, resources));
  for (const name of Object.keys(resources.requests ?? {})) {
    const sum = aggregate(spec, 'requests', name) ?? 0;
    const own = resources.requests![name]!;
    if (sum > (parseQuantity(own) ?? 0))
      errors.push(
        invalidValue(`${field}.requests[${name}]`, own, `must be greater than or equal to aggregate container requests of ${quantityText(name, sum)}`),
      );
  }
  return [...errors, ...validateWithin(field, resources.limits, spec.containers ?? [])];
}
/** No container may have more than the pod. */
function validateWithin(field: string, limits: List, containers: readonly { resources?: V1ResourceRequirements }[]): FieldError[] {
  return containers.flatMap(({ resources }, i) =>
    Object.entries(resources?.limits ?? {}).flatMap(([name, limit]) => {
      const most = limits?.[name];
      if (most === undefined || (parseQuantity(limit) ?? 0) <= (parseQuantity(most) ?? 0)) return [];
      return [invalidValue(`${field}.containers[${i}][${name}].limits`, limit, `must be less than or equal to pod limits of ${most}`)];
    }),
  );
}

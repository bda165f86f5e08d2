/** Validation of what containers and pods ask for and are limited to. */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import type { V1ResourceRequirements } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, notFoundValue, required, unsupportedOf } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';
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
    if (!name) return [required(`${at}.name`)];
    const key = `${name}/${request ?? ''}`;
    const errors = seen.has(key) || (request && seen.has(`${name}/`)) ? [duplicate(at, request ? key : name)] : [];
    seen.add(key);
    if (!claims.has(name)) errors.push(notFoundValue(`${at}.name`, name));
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
export function validatePodResources(
  field: string,
  resources: V1ResourceRequirements | undefined,
  containers: readonly { resources?: V1ResourceRequirements }[],
): FieldError[] {
  if (!resources) return [];
  const errors: FieldError[] = [];
  if (resources.claims?.length) errors.push(forbidden(`${field}.claims`, 'claims may not be set for Resources at pod-level'));
  for (const part of ['limits', 'requests'] as const)
    for (const name in resources[part])
      if (name !== 'cpu' && name !== 'memory' && !isHugePages(name))
        errors.push(unsupportedOf(`${field}.${part}[${name}]`, name, ['cpu', 'hugepages-', 'memory']));
  if (errors.length > 0) return errors;
  errors.push(...validateResources(field, resources));
  for (const name of Object.keys(resources.requests ?? {})) {
    const sum = containers.reduce((total, container) => total + (parseQuantity(container.resources?.requests?.[name] ?? '0') ?? 0), 0);
    const own = resources.requests![name]!;
    if (sum > (parseQuantity(own) ?? 0))
      errors.push(invalidValue(`${field}.requests[${name}]`, own, `must be greater than or equal to aggregate container requests of ${amountText(name, sum)}`));
  }
  return errors;
}
const amountText = (name: string, value: number): string => (name === 'cpu' && !Number.isInteger(value) ? `${Math.round(value * 1000)}m` : String(value));

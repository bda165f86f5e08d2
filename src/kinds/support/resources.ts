/** Resource names and quantities (pkg/apis/core/helper and validation). */
import { parseQuantity } from '#base';
import type { FieldError } from '#machinery';
import { invalidValue } from './errors.ts';
import { checked, qualifiedName } from './names.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/));

const computeQuotas = words('cpu memory limits.cpu limits.memory requests.cpu requests.memory');
const integerQuotas = words(
  'configmaps persistentvolumeclaims pods replicationcontrollers resourcequotas secrets services services.loadbalancers services.nodeports',
);
const otherQuotas = words('ephemeral-storage limits.ephemeral-storage requests.ephemeral-storage requests.storage');
const containerResources = words('cpu memory ephemeral-storage');

const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
export const isStandardQuota = (name: string): boolean =>
  computeQuotas.has(name) || integerQuotas.has(name) || otherQuotas.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');
export const isPodQuota = (name: string): boolean => name === 'pods' || computeQuotas.has(name);

/** Names without a domain, and those under kubernetes.io, are Kubernetes' own. */
const isNative = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');
export const isExtendedResource = (name: string): boolean => !isNative(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;
/** Resources of which a container gets what it asks for, never more. */
export const isOvercommitAllowed = (name: string): boolean => isNative(name) && !isHugePages(name);

/** Every name without a domain that means a resource somewhere. */
const isStandard = (name: string): boolean => isStandardQuota(name) || name === 'storage';

/** A name without a domain is one of Kubernetes, and `fits` where it stands; `text` says so. */
function validName(field: string, name: string, fits: boolean, text: string): FieldError[] {
  const errors = checked(field, name, qualifiedName);
  if (errors.length > 0 || name.includes('/')) return errors;
  if (!isStandard(name)) errors.push(invalidValue(field, name, 'must be a standard resource type or fully qualified'));
  return fits ? errors : [...errors, invalidValue(field, name, text)];
}

export const validateQuotaName = (field: string, name: string): FieldError[] =>
  validName(field, name, isStandardQuota(name), 'must be a standard resource for quota');

/** A resource of a LimitRangeItem of type `type`. */
export function validateLimitName(field: string, name: string, type: string): FieldError[] {
  const standard = containerResources.has(name) || isHugePages(name);
  if (type === 'Pod' || type === 'Container') return validName(field, name, standard, 'must be a standard resource for containers');
  return validName(field, name, true, '');
}

/** Never negative; whole where halves make no sense. */
export function validateQuantity(field: string, name: string, quantity: string): FieldError[] {
  const value = parseQuantity(quantity) ?? 0;
  const errors = value < 0 ? [invalidValue(field, quantity, 'must be greater than or equal to 0')] : [];
  if ((integerQuotas.has(name) || isExtendedResource(name)) && !Number.isInteger(value)) errors.push(invalidValue(field, quantity, 'must be an integer'));
  return errors;
}

export const positiveQuantity = (field: string, quantity: string): FieldError[] =>
  (parseQuantity(quantity) ?? 0) <= 0 ? [invalidValue(field, quantity, 'must be greater than zero')] : [];

/** clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy of Services: what they must be together, and how they may change. */
import type { FieldError } from '#machinery';
import type { V1Service, V1ServiceSpec } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, unsupported } from '../support/errors.ts';
import { checked, isIPv6, validIP } from '../support/names.ts';

const families = ['IPv4', 'IPv6'];
const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
export const needsHealthCheck = (spec: V1ServiceSpec): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
const isHeadless = (spec: V1ServiceSpec): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

function validateSync({ clusterIP = '', clusterIPs = [] }: V1ServiceSpec): FieldError[] {
  const field = 'spec.clusterIPs';
  if (clusterIP === '') return clusterIPs.length > 0 ? [invalidValue(field, clusterIPs, 'must be empty when `clusterIP` is not specified')] : [];
  if (clusterIPs.length === 0) return [required(field)];
  return clusterIPs[0] === clusterIP ? [] : [invalidValue(field, clusterIPs, 'first value must match `clusterIP`')];
}

function validateFamilies({ ipFamilies = [], ipFamilyPolicy }: V1ServiceSpec): FieldError[] {
  const errors = ipFamilies.flatMap((family, i) => {
    const at = `spec.ipFamilies[${i}]`;
    if (!families.includes(family)) return [unsupported(at, family, families)];
    return ipFamilies.indexOf(family) < i ? [duplicate(at, family)] : [];
  });
  if (ipFamilyPolicy !== undefined && !policies.includes(ipFamilyPolicy)) errors.push(unsupported('spec.ipFamilyPolicy', ipFamilyPolicy, policies));
  return errors;
}

function validateEach(clusterIPs: string[]): FieldError[] {
  const field = 'spec.clusterIPs';
  const errors = clusterIPs.flatMap((ip, i) => {
    if (i === 0 && ip === 'None') return clusterIPs.length > 1 ? [invalidValue(field, clusterIPs, "'None' must be the first and only value")] : [];
    return checked(`${field}[${i}]`, ip, validIP);
  });
  return clusterIPs.length > 2 ? [...errors, invalidValue(field, clusterIPs, 'may only hold up to 2 values')] : errors;
}

function validateMatch({ clusterIPs = [], ipFamilies = [] }: V1ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (clusterIPs.length === 2 && isIPv6(clusterIPs[0]!) === isIPv6(clusterIPs[1]!))
    errors.push(invalidValue('spec.clusterIPs', clusterIPs, 'may specify no more than one IP for each IP family'));
  clusterIPs.forEach((ip, i) => {
    const family = ipFamilies[i];
    if (ip === 'None' || family === undefined || (family === 'IPv6') === isIPv6(ip)) return;
    errors.push(invalidValue(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  });
  return errors;
}

export function validateAddresses(spec: V1ServiceSpec): FieldError[] {
  // What an ExternalName may not have is refused with its type.
  if (spec.type === 'ExternalName') return [];
  const each = validateEach(spec.clusterIPs ?? []);
  return [...validateSync(spec), ...validateFamilies(spec), ...each, ...(each.length > 0 ? [] : validateMatch(spec))];
}

/** A second value may come and go, the first one stays. */
function validateChange(field: 'clusterIPs' | 'ipFamilies', noun: string, spec: V1ServiceSpec, old: V1ServiceSpec): FieldError[] {
  const [now, before] = [spec[field] ?? [], old[field] ?? []];
  const at = `spec.${field}`;
  if (now.length === before.length)
    // Families are all told of at the first, as kube-apiserver does.
    return before.flatMap((value, i) => (value === now[i] ? [] : [invalidValue(`${at}[${field === 'ipFamilies' ? 0 : i}]`, now, 'may not change once set')]));
  const errors: FieldError[] = [];
  if (now.length === 0) errors.push(invalidValue(`${at}[0]`, now, `primary ${noun} can not be unset`));
  else if (before.length > 0 && now[0] !== before[0]) errors.push(invalidValue(`${at}[0]`, now, 'may not change once set'));
  if (now.length === 1 && before.length > 1 && spec.ipFamilyPolicy !== 'SingleStack')
    errors.push(invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, `must be set to 'SingleStack' when releasing the secondary ${noun}`));
  return errors;
}

export function validateServiceUpdate(service: V1Service, old: V1Service): FieldError[] {
  const [spec, before] = [service.spec!, old.spec ?? {}];
  const errors: FieldError[] = [];
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    if (!isHeadless(spec) || !isHeadless(before)) errors.push(...validateChange('clusterIPs', 'clusterIP', spec, before));
    if (before.ipFamilies?.length && !isHeadless(before) && !isHeadless(spec)) errors.push(...validateChange('ipFamilies', 'ipFamily', spec, before));
  }
  if (spec.type === 'LoadBalancer' && before.type === 'LoadBalancer' && spec.loadBalancerClass !== before.loadBalancerClass)
    errors.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass ?? null, 'may not change once set'));
  if (needsHealthCheck(spec) && needsHealthCheck(before) && spec.healthCheckNodePort !== before.healthCheckNodePort)
    errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  return errors;
}

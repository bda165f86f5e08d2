/** Validation of Ingresses (pkg/apis/networking/validation). */
import { pathSegmentProblems, type FieldError } from '#machinery';
import type { V1HTTPIngressPath, V1Ingress, V1IngressBackend, V1IngressRule, V1TypedLocalObjectReference } from '../generated/types.ts';
import { invalidValue, required, unsupported } from '../support/errors.ts';
import { checked, dnsLabel1035, dnsSubdomain, validIP, validPortName, validPortNumber } from '../support/names.ts';

export const classAnnotation = 'kubernetes.io/ingress.class';
const pathTypes = ['Exact', 'ImplementationSpecific', 'Prefix'];
const isIP = (text: string): boolean => validIP(text).length === 0;

export function wildcardSubdomain(value: string): string[] {
  const errors = dnsSubdomain(value.slice(2));
  if (errors.length === 0 && value.startsWith('*.')) return value.length > 253 ? ['must be no more than 253 characters'] : [];
  return [
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  ];
}
const validateHost = (field: string, host: string): FieldError[] => checked(field, host, host.includes('*') ? wildcardSubdomain : dnsSubdomain);

/** An object of the same namespace, also the parameters of an IngressClass. */
export function validateReference(at: string, reference: V1TypedLocalObjectReference): FieldError[] {
  const errors: FieldError[] = reference.apiGroup === undefined ? [] : checked(`${at}.apiGroup`, reference.apiGroup, dnsSubdomain);
  for (const key of ['kind', 'name'] as const)
    errors.push(...(reference[key] ? checked(`${at}.${key}`, reference[key], pathSegmentProblems) : [required(`${at}.${key}`, `${key} is required`)]));
  return errors;
}

function validateBackend(at: string, backend: V1IngressBackend | undefined): FieldError[] {
  const { resource, service } = backend ?? {};
  if (resource && service) return [invalidValue(at, '', 'cannot set both resource and service backends')];
  if (resource) return validateReference(`${at}.resource`, resource);
  if (!service) return [invalidValue(at, '', 'resource or service backend is required')];
  const errors = service.name ? checked(`${at}.service.name`, service.name, dnsLabel1035) : [required(`${at}.service.name`)];
  const { name, number } = service.port ?? {};
  if (name && number) errors.push(invalidValue(at, '', 'cannot set both port name & port number'));
  else if (name) errors.push(...checked(`${at}.service.port.name`, name, validPortName));
  else if (number) errors.push(...checked(`${at}.service.port.number`, number, validPortNumber));
  else errors.push(required(at, 'port name or number is required'));
  return errors;
}

const badSequences = ['//', '/./', '/../', '%2f', '%2F'];
const badEndings = ['/..', '/.'];

function validatePath(at: string, { path = '', pathType, backend }: V1HTTPIngressPath): FieldError[] {
  if (!pathType) return [required(`${at}.pathType`, 'pathType must be specified')];
  const errors: FieldError[] = [];
  const field = `${at}.path`;
  if (!pathTypes.includes(pathType)) errors.push(unsupported(`${at}.pathType`, pathType, pathTypes));
  else if (pathType === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/')) errors.push(invalidValue(field, path, 'must be an absolute path'));
  } else {
    if (!path.startsWith('/')) errors.push(invalidValue(field, path, 'must be an absolute path'));
    for (const text of badSequences) if (path.includes(text)) errors.push(invalidValue(field, path, `must not contain '${text}'`));
    for (const text of badEndings) if (path.endsWith(text)) errors.push(invalidValue(field, path, `cannot end with '${text}'`));
  }
  return [...errors, ...validateBackend(`${at}.backend`, backend)];
}

function validateRule(at: string, rule: V1IngressRule): FieldError[] {
  const errors: FieldError[] = [];
  if (rule.host) {
    if (isIP(rule.host)) errors.push(invalidValue(`${at}.host`, rule.host, 'must be a DNS name, not an IP address'));
    errors.push(...validateHost(`${at}.host`, rule.host));
  }
  if (!rule.http) return errors;
  if (!rule.http.paths?.length) errors.push(required(`${at}.http.paths`));
  rule.http.paths?.forEach((path, i) => errors.push(...validatePath(`${at}.http.paths[${i}]`, path)));
  return errors;
}

export function validateIngress({ metadata, spec = {} }: V1Ingress, old: V1Ingress | undefined): FieldError[] {
  const { rules = [], defaultBackend, tls, ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && !defaultBackend) errors.push(invalidValue('spec', rules, 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend) errors.push(...validateBackend('spec.defaultBackend', defaultBackend));
  tls?.forEach((entry, i) => {
    entry.hosts?.forEach((host, h) => errors.push(...validateHost(`spec.tls[${i}].hosts[${h}]`, host)));
    if (entry.secretName) errors.push(...checked(`spec.tls[${i}].secretName`, entry.secretName, dnsSubdomain));
  });
  rules.forEach((rule, i) => errors.push(...validateRule(`spec.rules[${i}]`, rule)));
  if (ingressClassName !== undefined) errors.push(...checked('spec.ingressClassName', ingressClassName, dnsSubdomain));
  const annotated = metadata?.annotations?.[classAnnotation];
  if (!old && annotated !== undefined && ingressClassName !== undefined && annotated !== ingressClassName)
    errors.push(invalidValue(`annotations.${classAnnotation}`, annotated, 'must match `ingressClassName` when both are specified'));
  return errors;
}

export function validateIngressStatus({ status }: V1Ingress): FieldError[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    const errors = ip ? checked(`${at}.ip`, ip, validIP) : [];
    if (!hostname) return errors;
    if (isIP(hostname)) errors.push(invalidValue(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address'));
    return [...errors, ...checked(`${at}.hostname`, hostname, dnsSubdomain)];
  });
}

/** The name formats of Kubernetes: each check returns the texts of what is wrong, none when all is well. */
import {
  dns1035LabelProblems as dnsLabel1035,
  dnsLabelProblems as dnsLabel,
  dnsSubdomainProblems as dnsSubdomain,
  labelKeyProblems as qualifiedName,
  labelValueProblems as validLabelValue,
  type FieldError,
} from '#machinery';
import { invalidValue } from './errors.ts';

const configKey = /^[-._a-zA-Z0-9]+$/;
export { dnsLabel, dnsLabel1035, dnsSubdomain, qualifiedName, validLabelValue };

/** Keys of ConfigMaps and Secrets. */
export function validConfigKey(value: string): string[] {
  const errors = value.length > 253 ? ['must be no more than 253 characters'] : [];
  if (!configKey.test(value)) {
    errors.push(
      "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    );
  } else if (value === '.' || value === '..') errors.push(`must not be '${value}'`);
  else if (value.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

// oxlint-disable-next-line no-control-regex -- printable ASCII without '=' is the rule
const envName = /^[ -<>-~]+$/;
export const validEnvVarName = (value: string): string[] =>
  envName.test(value) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** Names of container ports (IANA service names). */
export function validPortName(value: string): string[] {
  const errors: string[] = [];
  if (value.length > 15) errors.push('must be no more than 15 characters');
  if (!/^[-a-z0-9]+$/.test(value)) errors.push('must contain only alphanumeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) errors.push('must contain at least one letter (a-z)');
  if (value.includes('--')) errors.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export const validPortNumber = (value: number): string[] => (value >= 1 && value <= 65535 ? [] : ['must be between 1 and 65535, inclusive']);

/** Runs a check over a value; one that is missing is checked as the empty text that it is in Go. */
export function checked(field: string, given: string | number | undefined, check: (value: never) => string[]): FieldError[] {
  const value = given ?? '';
  return (check as (value: string | number) => string[])(value).map((text) => invalidValue(field, value, text));
}

const ipv4 = /^(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}$/;
export const isIPv4 = (value: string): boolean => ipv4.test(value);
/** IPv6 in any of its spellings, without a zone. */
export function isIPv6(value: string): boolean {
  const halves = value.split('::');
  if (halves.length > 2 || !/^[0-9a-fA-F:.]+$/.test(value)) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  let width = groups.length;
  const last = groups.at(-1);
  if (last?.includes('.')) {
    if (!isIPv4(last)) return false;
    groups.pop();
    width++;
  }
  return groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) && (halves.length === 2 ? width < 8 : width === 8);
}
export const validIP = (value: string): string[] => (isIPv4(value) || isIPv6(value) ? [] : ['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']);

/** Keys and values of a label map. */
export function validateLabels(field: string, labels: { [key: string]: string } | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    errors.push(...checked(field, key, qualifiedName));
    errors.push(...checked(field, labels[key]!, validLabelValue));
  }
  return errors;
}

/** `<domain>/<path>`, as Job's managedBy is. */
export function domainPrefixedPath(value: string): string[] {
  if (value === '') return ['must not be empty'];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  const errors = dnsSubdomain(value.slice(0, slash));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(value.slice(slash + 1)))
    errors.push("Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  return errors;
}

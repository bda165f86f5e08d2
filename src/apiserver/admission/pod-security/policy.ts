import type { FieldError } from '#machinery';
import { baselineChecks } from './baseline.ts';
import { restrictedChecks } from './restricted.ts';
import type { Check, CheckPod, PodTemplate, Violation } from './types.ts';

export const levels = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof levels)[number];
/** A level at a version of the standards: `latest`, or the minor of v1.x. */
export interface Standard {
  readonly level: Level;
  readonly version: 'latest' | number;
}
export interface Policy {
  readonly enforce: Standard;
  readonly audit: Standard;
  readonly warn: Standard;
}
export const strictness = (level: Level): number => levels.indexOf(level);
export const textOf = ({ level, version }: Standard): string => `${level}:${version === 'latest' ? version : `v1.${version}`}`;
export const sameStandard = (a: Standard, b: Standard): boolean => a.level === b.level && a.version === b.version;

type Labels = { readonly [key: string]: string };
/** Of labels and of annotations of the audit log. */
export const prefix = 'pod-security.kubernetes.io/';
const free: Standard = { level: 'privileged', version: 'latest' };
export const freePolicy: Policy = { enforce: free, audit: free, warn: free };

/** The policy that a namespace's labels ask for, and what is wrong with them. What cannot be read enforces the strictest, and warns of nothing. */
export function policyOf(labels: Labels | undefined): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const enforce = standardOf(labels, 'enforce', 'restricted', errors);
  const audit = standardOf(labels, 'audit', 'privileged', errors);
  const warn = standardOf(labels, 'warn', 'privileged', errors);
  // Nobody should be surprised by pods that are refused: what is enforced is warned of too, where the templates are written.
  if (labels?.[`${prefix}warn`] === undefined && strictness(enforce.level) > strictness(warn.level)) {
    const version = labels?.[`${prefix}warn-version`] === undefined ? enforce.version : warn.version;
    return { policy: { enforce, audit, warn: { level: enforce.level, version } }, errors };
  }
  return { policy: { enforce, audit, warn }, errors };
}
function standardOf(labels: Labels | undefined, mode: string, unreadable: Level, errors: FieldError[]): Standard {
  const level = labels?.[prefix + mode];
  const version = labels?.[`${prefix}${mode}-version`];
  const minor = /^v1\.(0|[1-9]\d*)$/.exec(version ?? '')?.[1];
  const known = level === undefined || (levels as readonly string[]).includes(level);
  if (!known) errors.push(wrong(mode, level, `must be one of ${levels.join(', ')}`));
  if (version !== undefined && version !== 'latest' && minor === undefined) errors.push(wrong(`${mode}-version`, version, 'must be "latest" or "v1.x"'));
  return { level: known ? ((level as Level | undefined) ?? 'privileged') : unreadable, version: minor === undefined ? 'latest' : Number(minor) };
}
function wrong(label: string, value: string, why: string): FieldError {
  return { field: `metadata.labels[${prefix}${label}]`, reason: 'FieldValueInvalid', message: `Invalid value: ${JSON.stringify(value)}: ${why}` };
}

const newest = 36;
const chosen = new Map<string, readonly CheckPod[]>();
/** The checks of a standard, baseline before restricted, each by id. */
function checksOf({ level, version }: Standard): readonly CheckPod[] {
  const minor = version === 'latest' || version > newest ? newest : version;
  const key = `${level}:${minor}`;
  let found = chosen.get(key);
  if (!found) chosen.set(key, (found = choose(level, minor)));
  return found;
}
function choose(level: Level, minor: number): CheckPod[] {
  if (level === 'privileged') return [];
  const inForce = (check: Check): CheckPod | undefined => check.since.findLast(([from]) => from <= minor)?.[1];
  const strict = level === 'restricted' ? restrictedChecks.filter(inForce) : [];
  const replaced = new Set(strict.flatMap(({ overrides = [] }) => overrides));
  const checks = [...baselineChecks.filter(({ id }) => !replaced.has(id)), ...strict];
  return checks.map(inForce).filter((check) => check !== undefined);
}

/** Everything that a pod, or the template of one, does beyond a standard. */
export function violations(standard: Standard, { metadata = {}, spec = {} }: PodTemplate): Violation[] {
  return checksOf(standard)
    .map((check) => check(spec, metadata))
    .filter((violation) => violation !== undefined);
}
export const reasonsOf = (found: readonly Violation[]): string => found.map(({ reason }) => reason).join(', ');
export const detailsOf = (found: readonly Violation[]): string =>
  found.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');

/** A policy that ECR refuses; the text is what stands behind "Lifecycle policy validation failure: ". */
export class LifecyclePolicyError extends Error {}

export type CountType = 'imageCountMoreThan' | 'sinceImagePushed' | 'sinceImagePulled' | 'sinceImageTransitioned';

export interface Selection {
  readonly tagStatus: 'tagged' | 'untagged' | 'any';
  /** Patterns that an image must each match with one of its tags; prefixes are patterns that end in `*`. */
  readonly patterns: readonly string[];
  /** `archive`: images that were moved there. */
  readonly storageClass: 'standard' | 'archive';
  readonly countType: CountType;
  /** Images that stay, or days. */
  readonly countNumber: number;
}
export interface LifecycleRule {
  readonly rulePriority: number;
  readonly selection: Selection;
  readonly action: 'expire' | 'transition';
}
/** In order of priority, the first one first. */
export type LifecyclePolicy = readonly LifecycleRule[];

type Fields = Record<string, unknown>;
const refuse = (text: string): never => {
  throw new LifecyclePolicyError(text);
};
const list = (names: readonly string[]): string => `([${names.map((n) => `"${n}"`).join(',')}])`;

/** JSON's name of a value's type, as a JSON schema validator says it. */
function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}
function expect(value: unknown, type: string): void {
  if (typeOf(value) !== type) refuse(`instance type (${typeOf(value)}) does not match any allowed primitive type (allowed: ["${type}"])`);
}
function object(value: unknown, required: readonly string[], optional: readonly string[]): Fields {
  expect(value, 'object');
  const fields = value as Fields;
  const unknown = Object.keys(fields).filter((key) => !required.includes(key) && !optional.includes(key));
  if (unknown.length > 0) refuse(`object instance has properties which are not allowed by the schema: ${list(unknown)}`);
  const absent = required.filter((key) => !(key in fields));
  if (absent.length > 0) refuse(`object has missing required properties ${list(absent)}`);
  return fields;
}
function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T {
  expect(value, 'string');
  if (!(allowed as readonly unknown[]).includes(value)) {
    refuse(`instance value ("${String(value)}") not found in enum (possible values: [${allowed.map((a) => `"${a}"`).join(',')}])`);
  }
  return value as T;
}
function positive(value: unknown): number {
  expect(value, 'integer');
  if ((value as number) < 1) refuse(`numeric instance is lower than the required minimum (minimum: 1, found: ${String(value)})`);
  return value as number;
}
function texts(value: unknown): string[] {
  expect(value, 'array');
  const items = value as unknown[];
  if (items.length === 0) refuse('array is too short: must have at least 1 elements but instance has 0 elements');
  for (const item of items) {
    expect(item, 'string');
    if (item === '') refuse('string "" is too short (length: 0, required minimum: 1)');
  }
  return items as string[];
}

/** Reads a policy (Amazon ECR user guide, lifecycle policy properties). Throws LifecyclePolicyError. */
export function parseLifecyclePolicy(text: string): LifecyclePolicy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return refuse('Lifecycle policy text is not valid JSON');
  }
  const { rules } = object(document, ['rules'], []);
  expect(rules, 'array');
  const items = rules as unknown[];
  if (items.length === 0) refuse('array is too short: must have at least 1 elements but instance has 0 elements');
  if (items.length > 50) refuse(`array is too long: must have at most 50 elements but instance has ${items.length} elements`);
  const parsed = items.map(rule).toSorted((a, b) => a.rulePriority - b.rulePriority);
  checkTogether(parsed);
  return parsed;
}

function rule(value: unknown): LifecycleRule {
  const fields = object(value, ['rulePriority', 'selection', 'action'], ['description']);
  const rulePriority = positive(fields['rulePriority']);
  if (fields['description'] !== undefined) expect(fields['description'], 'string');
  const action = object(fields['action'], ['type'], ['targetStorageClass']);
  const type = oneOf(action['type'], ['expire', 'transition']);
  if (type === 'transition') oneOf(action['targetStorageClass'], ['archive']);
  else if (action['targetStorageClass'] !== undefined)
    refuse(`object instance has properties which are not allowed by the schema: ${list(['targetStorageClass'])}`);
  return { rulePriority, selection: selection(fields['selection'], type), action: type };
}

function selection(value: unknown, action: LifecycleRule['action']): Selection {
  const optional = ['tagPrefixList', 'tagPatternList', 'countUnit', 'storageClass'];
  const fields = object(value, ['tagStatus', 'countType', 'countNumber'], optional);
  const tagStatus = oneOf(fields['tagStatus'], ['any', 'tagged', 'untagged']);
  const countType = oneOf(fields['countType'], ['imageCountMoreThan', 'sinceImagePushed', 'sinceImagePulled', 'sinceImageTransitioned']);
  const countNumber = positive(fields['countNumber']);
  const storageClass = fields['storageClass'] === undefined ? 'standard' : oneOf(fields['storageClass'], ['standard', 'archive']);
  if (countType === 'imageCountMoreThan') {
    if (fields['countUnit'] !== undefined) refuse(`object instance has properties which are not allowed by the schema: ${list(['countUnit'])}`);
  } else {
    if (fields['countUnit'] === undefined) refuse(`object has missing required properties ${list(['countUnit'])}`);
    oneOf(fields['countUnit'], ['days']);
  }
  if (action === 'transition' && storageClass === 'archive') refuse('images in the archive storage class cannot be transitioned to it');
  if ((countType === 'sinceImageTransitioned') !== (storageClass === 'archive')) {
    refuse('sinceImageTransitioned goes with the storage class archive, and no other count type does');
  }
  if (countType === 'sinceImagePulled' && action === 'expire') refuse('sinceImagePulled goes with the action transition only');
  return { tagStatus, patterns: patterns(fields, tagStatus), storageClass, countType, countNumber };
}

function patterns(fields: Fields, tagStatus: Selection['tagStatus']): string[] {
  const { tagPrefixList, tagPatternList } = fields;
  const given = ['tagPatternList', 'tagPrefixList'].filter((key) => fields[key] !== undefined);
  if (tagStatus !== 'tagged') {
    return given.length > 0 ? refuse(`object instance has properties which are not allowed by the schema: ${list(given)}`) : [];
  }
  if (given.length === 0) refuse('exactly one of tagPrefixList and tagPatternList must be given when tagStatus is tagged');
  if (given.length === 2) refuse('a rule has either a tagPrefixList or a tagPatternList');
  if (tagPrefixList !== undefined) return texts(tagPrefixList).map((prefix) => `${prefix.replaceAll('*', '\\*')}*`);
  const wanted = texts(tagPatternList);
  for (const pattern of wanted) {
    if (pattern.split('*').length > 5) refuse(`a tag pattern has at most 4 wildcards (*): ${pattern}`);
  }
  return wanted;
}

function checkTogether(rules: LifecyclePolicy): void {
  const priorities = rules.map((r) => r.rulePriority);
  const twice = priorities.find((p, i) => priorities.indexOf(p) !== i);
  if (twice !== undefined) refuse(`More than one rule has priority ${twice}: priorities must be unique`);
  for (const storageClass of ['standard', 'archive'] as const) {
    const group = rules.filter((r) => r.selection.storageClass === storageClass);
    const any = group.filter((r) => r.selection.tagStatus === 'any' && r.action === 'expire');
    if (any.length > 1) refuse('Only one rule with tagStatus=any is allowed');
    const last = group.filter((r) => r.action === 'expire').at(-1);
    if (any[0] && any[0] !== last) refuse('The rule with tagStatus=any must have the lowest priority, that is, the highest rulePriority');
    if (group.filter((r) => r.selection.tagStatus === 'untagged' && r.action === 'expire').length > 1)
      refuse('Only one rule with tagStatus=untagged is allowed');
  }
}

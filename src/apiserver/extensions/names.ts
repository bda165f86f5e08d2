import type { Condition, Definition, Names } from './definition.ts';

export interface Acceptance {
  /** What may be used: every name that no other definition of the group has. */
  readonly accepted: Names;
  /** Conditions NamesAccepted and, once all are, Established. */
  readonly conditions: readonly Condition[];
  /** Whether the resource can be served: it has its plural and its kind. */
  readonly served: boolean;
}

const condition = (type: string, status: Condition['status'], reason: string, message: string): Condition => ({ type, status, reason, message });

/** Names that are a resource's of others in the group (plural, singular and short names are one space, kinds and list kinds another). */
function taken(others: readonly Definition[]): { resources: Set<string>; kinds: Set<string> } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const names = status?.acceptedNames;
    for (const name of [names?.plural, names?.singular, ...(names?.shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [names?.kind, names?.listKind]) if (name) kinds.add(name);
  }
  return { resources, kinds };
}

/** Which names a definition gets, given all others of its group. What it was once given, it keeps when the new name is taken. */
export function acceptNames(definition: Definition, others: readonly Definition[]): Acceptance {
  const wanted = definition.spec.names;
  const before: Partial<Names> = definition.status?.acceptedNames ?? {};
  const { resources, kinds } = taken(others);
  let problem: Condition | undefined;
  const choose = (reason: string, name: string | undefined, old: string | undefined, space: Set<string>): string => {
    if (name === undefined || !space.has(name)) return name ?? '';
    problem = condition('NamesAccepted', 'False', reason, `${JSON.stringify(name)} is already in use`);
    return old ?? '';
  };
  const accepted: Names = {
    plural: choose('PluralConflict', wanted.plural, before.plural, resources),
    singular: choose('SingularConflict', wanted.singular, before.singular, resources),
    ...shortNames(wanted, before, resources, (p) => (problem = p)),
    kind: choose('KindConflict', wanted.kind, before.kind, kinds),
    listKind: choose('ListKindConflict', wanted.listKind, before.listKind, kinds),
    ...(wanted.categories ? { categories: wanted.categories } : {}),
  };
  return { accepted, conditions: conditionsOf(definition, problem), served: accepted.plural !== '' && accepted.kind !== '' };
}
function shortNames(wanted: Names, before: Partial<Names>, space: Set<string>, complain: (problem: Condition) => void): { shortNames?: readonly string[] } {
  const conflicts = (wanted.shortNames ?? []).filter((name) => space.has(name));
  if (conflicts.length === 0) return wanted.shortNames ? { shortNames: wanted.shortNames } : {};
  const texts = conflicts.map((name) => `${JSON.stringify(name)} is already in use`);
  complain(condition('NamesAccepted', 'False', 'ShortNamesConflict', texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`));
  return before.shortNames ? { shortNames: before.shortNames } : {};
}
function conditionsOf(definition: Definition, problem: Condition | undefined): Condition[] {
  if (!problem) {
    return [
      condition('NamesAccepted', 'True', 'NoConflicts', 'no conflicts found'),
      condition('Established', 'True', 'InitialNamesAccepted', 'the initial names have been accepted'),
    ];
  }
  const established = definition.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
  return established ? [problem] : [problem, condition('Established', 'False', 'NotAccepted', 'not all names are accepted')];
}

import { admissionEnvironment, CelCompileError, celTypeOfKind, compileCel, compileVariables, type AdmissionScope, type Kind, type SchemaSet } from '#machinery';
import type { ValidatingSpec } from './types.ts';

export interface ExpressionWarning {
  readonly fieldRef: string;
  readonly warning: string;
}
const maxKinds = 10;

/** What is wrong with the expressions of a policy when the types of the kinds that it names are known. */
export function typeCheck(spec: ValidatingSpec, kinds: readonly Kind[], schemas: SchemaSet): ExpressionWarning[] {
  const named = kindsOf(spec, kinds);
  return (spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
    ...check(`spec.validations[${i}].expression`, expression, spec, named, kinds, schemas),
    ...(messageExpression ? check(`spec.validations[${i}].messageExpression`, messageExpression, spec, named, kinds, schemas) : []),
  ]);
}
function check(
  fieldRef: string,
  expression: string,
  spec: ValidatingSpec,
  named: readonly Kind[],
  kinds: readonly Kind[],
  schemas: SchemaSet,
): ExpressionWarning[] {
  const issues = named.flatMap((kind) => {
    const found = issueOf(expression, scopeFor(spec, kind, kinds, schemas));
    return found === undefined ? [] : [`${kind.group}/${kind.version}, Kind=${kind.kind}: ${found}\n`];
  });
  return issues.length === 0 ? [] : [{ fieldRef, warning: issues.join('\n') }];
}
function scopeFor({ paramKind, variables = [] }: ValidatingSpec, kind: Kind, kinds: readonly Kind[], schemas: SchemaSet): AdmissionScope {
  const object = celTypeOfKind(kind, schemas);
  const params = paramKind && kinds.find((candidate) => candidate.apiVersion === paramKind.apiVersion && candidate.kind === paramKind.kind);
  const base: AdmissionScope = { ...(object ? { object } : {}), params: (params && celTypeOfKind(params, schemas)) ?? paramKind !== undefined };
  return { ...base, variables: compileVariables(variables, base, () => {}).types };
}
function issueOf(expression: string, scope: AdmissionScope): string | undefined {
  try {
    compileCel(expression, admissionEnvironment(scope));
    return undefined;
  } catch (error) {
    if (error instanceof CelCompileError) return error.message;
    throw error;
  }
}
/** Kinds that the rules name without wildcards. */
function kindsOf({ matchConstraints }: ValidatingSpec, kinds: readonly Kind[]): Kind[] {
  const found = new Set<Kind>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((text) => text.includes('*'))) continue;
    for (const kind of kinds)
      if (apiGroups.includes(kind.group) && apiVersions.includes(kind.version) && resources.includes(kind.plural) && found.size < maxKinds) found.add(kind);
  }
  const key = ({ group, version, kind }: Kind): string => `${group}/${version}/${kind}`;
  return [...found].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

import { defineKind, type FieldError, type Kind } from '#machinery';
import type { FlowcontrolV1Subject, V1FlowSchema, V1NonResourcePolicyRule, V1PolicyRulesWithSubjects, V1ResourcePolicyRule } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, required, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain } from '../support/names.ts';
import { defaultFlowSchemas, mandatoryFlowControl } from './defaults.ts';
import { validateConditionTypes, validateFixed } from './fixed.ts';

/** What nobody may change. */
const fixedSchemas = new Map(
  defaultFlowSchemas.filter(({ metadata }) => mandatoryFlowControl.has(metadata!.name!)).map((one) => [one.metadata!.name!, one.spec]),
);
const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
const subjectFields = { User: 'user', Group: 'group', ServiceAccount: 'serviceAccount' } as const;

function validateSubject(at: string, subject: FlowcontrolV1Subject): FieldError[] {
  const member = Object.hasOwn(subjectFields, subject.kind) ? subjectFields[subject.kind as keyof typeof subjectFields] : undefined;
  if (!member) return [unsupported(`${at}.kind`, subject.kind ?? '', Object.keys(subjectFields))];
  const errors: FieldError[] = [];
  for (const [kind, field] of Object.entries(subjectFields))
    if (field !== member && subject[field]) errors.push(forbidden(`${at}.${field}`, `${field} is forbidden when subject kind is not '${kind}'`));
  const value = subject[member];
  if (!value) return [...errors, required(`${at}.${member}`, `${member} is required when subject kind is '${subject.kind}'`)];
  if (!value.name) errors.push(required(`${at}.${member}.name`));
  const account = subject.serviceAccount;
  if (member !== 'serviceAccount' || !account) return errors;
  if (account.name && account.name !== '*') errors.push(...checked(`${at}.serviceAccount.name`, account.name, dnsSubdomain));
  if (!account.namespace) errors.push(required(`${at}.serviceAccount.namespace`, 'must specify namespace for service account'));
  else errors.push(...checked(`${at}.serviceAccount.namespace`, account.namespace, dnsLabel));
  return errors;
}

/** Non-empty, and nothing beside a `*`; `each` looks at the members of a list without one. */
function validateList(
  field: string,
  list: string[] | undefined,
  name: string,
  missing: string,
  each: (list: string[]) => FieldError[] = () => [],
): FieldError[] {
  if (!list?.length) return [required(field, missing)];
  if (!list.includes('*')) return each(list);
  return list.length > 1 ? [invalidValue(field, list, `if '*' is present, must not specify other ${name}`)] : [];
}
const validateVerbs = (field: string, list: string[] | undefined): FieldError[] =>
  validateList(field, list, 'verbs', 'verbs must contain at least one value', (given) =>
    given.every((verb) => verbs.includes(verb)) ? [] : [unsupported(field, given, verbs)],
  );

/** What ValidateNonResourceURLPath finds first. */
function pathProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const stars = path.split('*').length - 1;
  return stars > 1 || (stars === 1 && !path.endsWith('/*')) ? 'wildcard can only do suffix matching' : undefined;
}

const memberText = "each member of this list must be '*' or a DNS-1123 label; ";
function validateNamespaces(field: string, { namespaces, clusterScope }: V1ResourcePolicyRule): FieldError[] {
  if (clusterScope && !namespaces?.length) return [];
  return validateList(field, namespaces, 'namespaces', 'resource rules that are not cluster scoped must supply at least one namespace', (given) =>
    given.flatMap((name, i) => checked(`${field}[${i}]`, name, (text: string) => dnsLabel(text).map((problem) => memberText + problem))),
  );
}

function validateResourceRule(at: string, rule: V1ResourcePolicyRule): FieldError[] {
  return [
    ...validateVerbs(`${at}.verbs`, rule.verbs),
    ...validateList(`${at}.apiGroups`, rule.apiGroups, 'api groups', 'resource rules must supply at least one api group'),
    ...validateList(`${at}.resources`, rule.resources, 'resources', 'resource rules must supply at least one resource'),
    ...validateNamespaces(`${at}.namespaces`, rule),
  ];
}

function validateNonResourceRule(at: string, rule: V1NonResourcePolicyRule): FieldError[] {
  const field = `${at}.nonResourceURLs`;
  return [
    ...validateVerbs(`${at}.verbs`, rule.verbs),
    ...validateList(field, rule.nonResourceURLs, 'non-resource URLs', 'nonResourceURLs must contain at least one value', (paths) =>
      paths.flatMap((path, i) => {
        const problem = pathProblem(path);
        return problem === undefined ? [] : [invalidValue(`${field}[${i}]`, path, problem)];
      }),
    ),
  ];
}

function validateRule(at: string, rule: V1PolicyRulesWithSubjects): FieldError[] {
  const errors = rule.subjects?.length ? [] : [required(`${at}.subjects`, 'subjects must contain at least one value')];
  rule.subjects?.forEach((subject, i) => errors.push(...validateSubject(`${at}.subjects[${i}]`, subject)));
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length)
    errors.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  rule.resourceRules?.forEach((one, i) => errors.push(...validateResourceRule(`${at}.resourceRules[${i}]`, one)));
  rule.nonResourceRules?.forEach((one, i) => errors.push(...validateNonResourceRule(`${at}.nonResourceRules[${i}]`, one)));
  return errors;
}

function validate({ metadata, spec }: V1FlowSchema): FieldError[] {
  const { matchingPrecedence = 1000, distinguisherMethod, priorityLevelConfiguration, rules } = spec ?? {};
  const errors: FieldError[] = [];
  const field = 'spec.matchingPrecedence';
  if (matchingPrecedence <= 0) errors.push(invalidValue(field, matchingPrecedence, 'must be a positive value'));
  if (matchingPrecedence > 10000) errors.push(invalidValue(field, matchingPrecedence, 'must not be greater than 10000'));
  if (matchingPrecedence === 1 && metadata?.name !== 'exempt')
    errors.push(invalidValue(field, matchingPrecedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  if (distinguisherMethod && !['ByNamespace', 'ByUser'].includes(distinguisherMethod.type))
    errors.push(unsupported('spec.distinguisherMethod.type', distinguisherMethod.type, ['ByNamespace', 'ByUser']));
  const level = priorityLevelConfiguration?.name;
  if (!level) errors.push(required('spec.priorityLevelConfiguration.name', 'must reference a priority level'));
  else errors.push(...checked('spec.priorityLevelConfiguration.name', level, dnsSubdomain));
  rules?.forEach((rule, i) => errors.push(...validateRule(`spec.rules[${i}]`, rule)));
  return [...errors, ...validateFixed(metadata?.name, spec, fixedSchemas)];
}

export const FlowSchema: Kind<V1FlowSchema> = defineKind<V1FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  schema: 'V1FlowSchema',
  unconditionalUpdate: false,
  status: true,
  columns: [
    nameColumn,
    column(
      'PriorityLevel',
      'string',
      'priorityLevelConfiguration references the priority level of the schema.',
      ({ spec }) => spec?.priorityLevelConfiguration?.name,
    ),
    column(
      'MatchingPrecedence',
      'string',
      'matchingPrecedence is used to choose among the FlowSchemas that match a given request.',
      ({ spec }) => spec?.matchingPrecedence,
    ),
    column(
      'DistinguisherMethod',
      'string',
      'distinguisherMethod defines how to compute the flow distinguisher.',
      ({ spec }) => spec?.distinguisherMethod?.type ?? '<none>',
    ),
    ageColumn,
    column('MissingPL', 'string', 'MissingPL indicates whether the referenced priority level is absent.', ({ status }) => {
      const dangling = status?.conditions?.find((condition) => condition.type === 'Dangling');
      return dangling?.status ?? '?';
    }),
  ],
  defaults({ spec }) {
    if (spec) spec.matchingPrecedence ??= 1000;
  },
  prepareCreate(schema) {
    schema.status = {};
  },
  validate,
  validateStatus: ({ status }) => validateConditionTypes(status?.conditions),
});

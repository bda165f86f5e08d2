import { defineKind, type FieldError, type Kind } from '#machinery';
import type { FlowcontrolV1Subject, V1FlowSchema, V1PolicyRulesWithSubjects, V1ResourcePolicyRule } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { forbidden, invalidValue, required, unsupported } from '../support/errors.ts';
import { checked, dnsLabel, dnsSubdomain } from '../support/names.ts';

const verbs = ['*', 'create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];
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

/** Non-empty, and nothing beside a `*`. */
function validateList(field: string, list: string[] | undefined, name: string): FieldError[] {
  if (!list?.length) return [required(field, `${name} must contain at least one value`)];
  return list.length > 1 && list.includes('*') ? [invalidValue(field, list, `if '*' is present, must not specify other ${name}`)] : [];
}
function validateVerbs(field: string, list: string[] | undefined, known: boolean): FieldError[] {
  const errors = validateList(field, list, 'verbs');
  if (known) for (const verb of list ?? []) if (!verbs.includes(verb)) errors.push(unsupported(field, list, verbs));
  return errors;
}

function validateResourceRule(at: string, rule: V1ResourcePolicyRule): FieldError[] {
  const errors = [
    ...validateVerbs(`${at}.verbs`, rule.verbs, true),
    ...validateList(`${at}.apiGroups`, rule.apiGroups, 'api groups'),
    ...validateList(`${at}.resources`, rule.resources, 'resources'),
  ];
  const namespaces = rule.namespaces ?? [];
  if (namespaces.length === 0 && !rule.clusterScope)
    errors.push(required(`${at}.namespaces`, 'resource rules that are not cluster scoped must supply at least one namespace'));
  if (namespaces.length > 1 && namespaces.includes('*'))
    errors.push(invalidValue(`${at}.namespaces`, namespaces, "if '*' is present, must not specify other namespaces"));
  namespaces.forEach((name, i) => name !== '*' && errors.push(...checked(`${at}.namespaces[${i}]`, name, dnsLabel)));
  return errors;
}

function validateRule(at: string, rule: V1PolicyRulesWithSubjects): FieldError[] {
  const errors = rule.subjects?.length ? [] : [required(`${at}.subjects`, 'subjects must contain at least one value')];
  rule.subjects?.forEach((subject, i) => errors.push(...validateSubject(`${at}.subjects[${i}]`, subject)));
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length)
    errors.push(required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  rule.resourceRules?.forEach((one, i) => errors.push(...validateResourceRule(`${at}.resourceRules[${i}]`, one)));
  rule.nonResourceRules?.forEach((one, i) => {
    const here = `${at}.nonResourceRules[${i}]`;
    errors.push(...validateVerbs(`${here}.verbs`, one.verbs, true), ...validateList(`${here}.nonResourceURLs`, one.nonResourceURLs, 'non-resource URLs'));
    one.nonResourceURLs?.forEach((url, u) => {
      if (!url.startsWith('/') && url !== '*') errors.push(invalidValue(`${here}.nonResourceURLs[${u}]`, url, "must start with '/'"));
    });
  });
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
  return errors;
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
});

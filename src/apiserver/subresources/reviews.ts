import { formatTime, type Clock } from '#base';
import { badRequest, invalid, type FieldError, type KubeObject, type UserInfo } from '#machinery';
import type { Attributes, Authorizer, Selectors, TokenAuthenticator, VirtualResource } from '../types.ts';
import { checkShape, type Shape } from './shape.ts';

type Extra = { [key: string]: string[] };
interface FieldRequirement {
  key?: string;
  operator?: string;
  values?: string[];
}
interface SelectorAttributes {
  rawSelector?: string;
  requirements?: FieldRequirement[];
}
interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
  fieldSelector?: SelectorAttributes;
  labelSelector?: SelectorAttributes;
}
interface AccessSpec {
  user?: string;
  uid?: string;
  groups?: string[];
  extra?: Extra;
  resourceAttributes?: ResourceAttributes | null;
  nonResourceAttributes?: { path?: string; verb?: string } | null;
}
interface AccessReview extends KubeObject {
  spec?: AccessSpec;
}
interface ReviewOptions {
  readonly authorizer: Authorizer;
  readonly tokens: TokenAuthenticator;
  /** Audiences of a TokenReview that names none. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

const requirement: Shape = { requirements: [{ key: 'string', operator: 'string', values: ['string'] }], rawSelector: 'string' };
const accessShape: Shape = {
  user: 'string',
  uid: 'string',
  groups: ['string'],
  extra: { '*': ['string'] },
  resourceAttributes: {
    namespace: 'string',
    verb: 'string',
    group: 'string',
    version: 'string',
    resource: 'string',
    subresource: 'string',
    name: 'string',
    fieldSelector: requirement,
    labelSelector: requirement,
  },
  nonResourceAttributes: { path: 'string', verb: 'string' },
};

const authorization = 'authorization.k8s.io';
const authentication = 'authentication.k8s.io';

/** The reviews of authentication.k8s.io and authorization.k8s.io: who am I, may I, may he, whose token is this. */
export function reviews(options: ReviewOptions): VirtualResource[] {
  return [...accessReviews(options.authorizer), rulesReview(options.authorizer), selfReview(options.clock), tokenReview(options)];
}

function accessReviews(authorizer: Authorizer): VirtualResource[] {
  const review = (
    plural: string,
    kind: string,
    check: (body: AccessReview, namespace: string) => FieldError[],
    who: (spec: AccessSpec, user: UserInfo) => UserInfo,
  ) => ({
    group: authorization,
    version: 'v1',
    plural,
    kind,
    namespaced: plural.startsWith('local'),
    create(body: KubeObject, user: UserInfo, namespace = ''): KubeObject {
      checkShape(body, kind, accessShape);
      const errors = check(body as AccessReview, namespace);
      if (errors.length > 0) throw invalid({ group: authorization, plural, kind }, '', errors);
      const spec = (body as AccessReview).spec ?? {};
      const { allowed, reason } = authorizer.authorize(attributesOf(spec, who(spec, user)));
      return answer(body, kind, `${authorization}/v1`, { allowed, ...(reason ? { reason } : {}) });
    },
  });
  return [
    review(
      'selfsubjectaccessreviews',
      'SelfSubjectAccessReview',
      (body) => [...onlyOne(body.spec), ...noMetadata(body)],
      (_spec, user) => user,
    ),
    review('subjectaccessreviews', 'SubjectAccessReview', (body) => [...onlyOne(body.spec), ...someone(body.spec), ...noMetadata(body)], named),
    review('localsubjectaccessreviews', 'LocalSubjectAccessReview', local, named),
  ];
}

function rulesReview(authorizer: Authorizer): VirtualResource {
  return {
    group: authorization,
    version: 'v1',
    plural: 'selfsubjectrulesreviews',
    kind: 'SelfSubjectRulesReview',
    namespaced: false,
    create(body, user) {
      checkShape(body, 'SelfSubjectRulesReview', { namespace: 'string' });
      const { namespace = '' } = (body as KubeObject & { spec?: { namespace?: string } }).spec ?? {};
      if (!namespace) throw badRequest('no namespace on request');
      const { rules, incomplete } = authorizer.rulesFor?.(user, namespace) ?? { rules: [], incomplete: 'the authorizer does not support user rule resolution' };
      const list = (value: readonly string[] | undefined): readonly string[] => value ?? [];
      return answer(body, 'SelfSubjectRulesReview', `${authorization}/v1`, {
        resourceRules: rules
          .filter((rule) => list(rule.resources).length > 0)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({ verbs, apiGroups, resources, ...(resourceNames?.length ? { resourceNames } : {}) })),
        nonResourceRules: rules.filter((rule) => list(rule.nonResourceURLs).length > 0).map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        incomplete: incomplete !== undefined,
        ...(incomplete === undefined ? {} : { evaluationError: incomplete }),
      });
    },
  };
}

function selfReview(clock: Clock): VirtualResource {
  return {
    group: authentication,
    version: 'v1',
    plural: 'selfsubjectreviews',
    kind: 'SelfSubjectReview',
    namespaced: false,
    create: (_body, user) =>
      answer({ metadata: { creationTimestamp: formatTime(clock.now()) } }, 'SelfSubjectReview', `${authentication}/v1`, { userInfo: shown(user) }),
  };
}

function tokenReview({ tokens, audiences }: ReviewOptions): VirtualResource {
  return {
    group: authentication,
    version: 'v1',
    plural: 'tokenreviews',
    kind: 'TokenReview',
    namespaced: false,
    async create(body) {
      checkShape(body, 'TokenReview', { token: 'string', audiences: ['string'] });
      const spec = (body as KubeObject & { spec?: { token?: string; audiences?: string[] } }).spec ?? {};
      if (!spec.token) throw badRequest('token is required for TokenReview in authentication');
      const verdict = await tokens.review(spec.token, spec.audiences?.length ? spec.audiences : audiences);
      const status = !verdict
        ? { user: {}, error: 'invalid bearer token' }
        : 'error' in verdict
          ? { user: {}, error: verdict.error }
          : { authenticated: true, user: shown(verdict.user), audiences: verdict.audiences };
      return answer(body, 'TokenReview', `${authentication}/v1`, status);
    },
  };
}

const named = ({ user, uid, groups, extra }: AccessSpec): UserInfo => ({
  username: user ?? '',
  groups: groups ?? [],
  ...(uid ? { uid } : {}),
  ...(extra ? { extra } : {}),
});

function attributesOf({ resourceAttributes: at, nonResourceAttributes: path }: AccessSpec, user: UserInfo): Attributes {
  const selectors = at && (at.fieldSelector || at.labelSelector) ? selectorsOf(at) : undefined;
  return {
    user,
    verb: at?.verb ?? path?.verb ?? '',
    resource: Boolean(at),
    group: at?.group ?? '',
    version: at?.version ?? '',
    plural: at?.resource ?? '',
    subresource: at?.subresource ?? '',
    namespace: at?.namespace ?? '',
    name: at?.name ?? '',
    path: path?.path ?? '',
    ...(selectors ? { selectors } : {}),
  };
}
/** Only what an authorizer can be sure of: requirements of one value. What is left out limits nothing. */
function selectorsOf({ fieldSelector, labelSelector }: ResourceAttributes): Selectors {
  const fields = (fieldSelector?.requirements ?? []).flatMap(({ key = '', operator, values = [] }) =>
    (operator === 'In' || operator === 'NotIn') && values.length === 1 ? [{ key, operator: operator as 'In' | 'NotIn', value: values[0] ?? '' }] : [],
  );
  const labels = (labelSelector?.requirements ?? []).map(({ key = '', operator = '', values = [] }) => ({ key, operator, values }));
  return { fields, labels };
}

function onlyOne({ resourceAttributes, nonResourceAttributes }: AccessSpec = {}): FieldError[] {
  if (resourceAttributes && nonResourceAttributes)
    return [bad('spec.nonResourceAttributes', JSON.stringify(nonResourceAttributes), 'cannot be specified in combination with resourceAttributes')];
  if (!resourceAttributes && !nonResourceAttributes)
    return [bad('spec.resourceAttributes', '"null"', 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
  return resourceAttributes ? [...selectorErrors('fieldSelector', resourceAttributes), ...selectorErrors('labelSelector', resourceAttributes)] : [];
}
function someone({ user, groups }: AccessSpec = {}): FieldError[] {
  return user || groups?.length ? [] : [bad('spec.user', '""', 'at least one of user or group must be specified')];
}
function local(body: AccessReview, namespace: string): FieldError[] {
  const { namespace: own = '', ...rest } = body.metadata ?? {};
  if (own !== namespace) throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  const { resourceAttributes: at, nonResourceAttributes: path } = body.spec ?? {};
  return [
    ...onlyOne(body.spec),
    ...someone(body.spec),
    ...(Object.keys(bare(rest)).length > 0 ? [bad('metadata', JSON.stringify(body.metadata), 'must be empty except for namespace')] : []),
    ...(at && (at.namespace ?? '') !== namespace
      ? [bad('spec.resourceAttributes.namespace', JSON.stringify(at.namespace ?? ''), 'must match metadata.namespace')]
      : []),
    ...(path ? [bad('spec.nonResourceAttributes', JSON.stringify(path), 'disallowed on this kind of request')] : []),
  ];
}
function noMetadata({ metadata = {} }: KubeObject): FieldError[] {
  return Object.keys(bare(metadata)).length > 0 ? [bad('metadata', JSON.stringify(metadata), 'must be empty')] : [];
}
function bare(metadata: NonNullable<KubeObject['metadata']>): object {
  const { managedFields: _managed, creationTimestamp, ...rest } = metadata;
  return Object.fromEntries(
    Object.entries({ ...rest, ...(creationTimestamp ? { creationTimestamp } : {}) }).filter(([, value]) => value !== '' && value !== null),
  );
}

const operators = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);
function selectorErrors(field: 'fieldSelector' | 'labelSelector', at: ResourceAttributes): FieldError[] {
  const selector = at[field];
  if (!selector) return [];
  const path = `spec.resourceAttributes.${field}`;
  const { rawSelector = '', requirements = [] } = selector;
  if (rawSelector && requirements.length > 0)
    return [bad(`${path}.rawSelector`, JSON.stringify(rawSelector), 'may not specified at the same time as requirements')];
  if (!rawSelector && requirements.length === 0)
    return [
      {
        field: `${path}.requirements`,
        reason: 'FieldValueRequired',
        message: 'Required value: when ' + field + ' is specified, requirements or rawSelector is required',
      },
    ];
  return requirements.flatMap((requirement, i) => requirementErrors(`${path}.requirements[${i}]`, requirement));
}
function requirementErrors(path: string, { key, operator = '', values = [] }: FieldRequirement): FieldError[] {
  const out: FieldError[] = [];
  if (!key) out.push({ field: `${path}.key`, reason: 'FieldValueRequired', message: 'Required value: must be specified' });
  if (!operators.has(operator)) out.push(bad(`${path}.operator`, JSON.stringify(operator), 'not a valid selector operator'));
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    out.push({ field: `${path}.values`, reason: 'FieldValueRequired', message: "Required value: must be specified when `operator` is 'In' or 'NotIn'" });
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0)
    out.push({
      field: `${path}.values`,
      reason: 'FieldValueForbidden',
      message: "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    });
  return out;
}
const bad = (field: string, value: string, why: string): FieldError => ({ field, reason: 'FieldValueInvalid', message: `Invalid value: ${value}: ${why}` });

function answer(body: KubeObject, kind: string, apiVersion: string, status: unknown): KubeObject {
  return { ...body, kind, apiVersion, metadata: { ...body.metadata }, status } as KubeObject;
}
function shown({ username, uid, groups, extra }: UserInfo): unknown {
  return { username, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

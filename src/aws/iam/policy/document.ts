/** A policy that cannot be read: the text is what IAM answers with MalformedPolicyDocument. */
export class PolicyError extends Error {}

export interface PrincipalElement {
  /** `*`: everybody, also without credentials. */
  readonly any: boolean;
  readonly aws: readonly string[];
  readonly service: readonly string[];
  readonly federated: readonly string[];
  readonly canonicalUser: readonly string[];
}
export interface Condition {
  /** As it is written, e.g. `ForAnyValue:StringLikeIfExists`. */
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}
export interface Statement {
  readonly sid: string | undefined;
  readonly effect: 'Allow' | 'Deny';
  readonly principal: PrincipalElement | undefined;
  readonly notPrincipal: PrincipalElement | undefined;
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly conditions: readonly Condition[];
}
export interface Policy {
  readonly version: '2012-10-17' | '2008-10-17';
  readonly id: string | undefined;
  readonly statements: readonly Statement[];
}

/** `identity`: attached to a principal, names no Principal. `resource`: attached to a resource. `trust`: of a role, names no Resource. */
export type PolicyUse = 'identity' | 'resource' | 'trust';

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const known = new Set(['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition']);

/** Reads and checks a policy (IAM reference, grammar of the JSON policy language). Throws PolicyError. */
export function parsePolicy(text: string, use: PolicyUse): Policy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new PolicyError('This policy contains invalid Json');
  }
  if (!isFields(document)) throw new PolicyError('Syntax errors in policy.');
  for (const key of Object.keys(document)) if (!['Version', 'Id', 'Statement'].includes(key)) throw new PolicyError('Syntax errors in policy.');
  const version = document['Version'] ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17') throw new PolicyError('The policy must contain a valid version string.');
  const id = document['Id'];
  if (id !== undefined && typeof id !== 'string') throw new PolicyError('Syntax errors in policy.');
  const raw = document['Statement'];
  const list = Array.isArray(raw) ? (raw as unknown[]) : raw === undefined ? [] : [raw];
  if (list.length === 0) throw new PolicyError('Syntax errors in policy.');
  const statements = list.map((item) => parseStatement(item, use));
  const sids = statements.flatMap((s) => (s.sid ? [s.sid] : []));
  if (new Set(sids).size < sids.length) throw new PolicyError('Statement IDs (SID) in a single policy must be unique.');
  return { version, id, statements };
}

function parseStatement(value: unknown, use: PolicyUse): Statement {
  if (!isFields(value) || Object.keys(value).some((key) => !known.has(key))) throw new PolicyError('Syntax errors in policy.');
  const sid = value['Sid'];
  if (sid !== undefined && (typeof sid !== 'string' || (use === 'identity' && !/^[A-Za-z0-9]*$/.test(sid)))) {
    throw new PolicyError(`Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*`);
  }
  const effect = value['Effect'];
  if (effect !== 'Allow' && effect !== 'Deny') throw new PolicyError('Syntax errors in policy.');
  const statement: Statement = {
    sid: typeof sid === 'string' ? sid : undefined,
    effect,
    principal: parsePrincipal(value['Principal']),
    notPrincipal: parsePrincipal(value['NotPrincipal']),
    actions: strings(value['Action']),
    notActions: strings(value['NotAction']),
    resources: strings(value['Resource']),
    notResources: strings(value['NotResource']),
    conditions: parseConditions(value['Condition']),
  };
  checkStatement(statement, use);
  return statement;
}

function checkStatement(s: Statement, use: PolicyUse): void {
  const principals = [s.principal, s.notPrincipal].filter((p) => p !== undefined).length;
  if (use === 'identity' && principals > 0) throw new PolicyError('Policy document should not specify a principal.');
  if (use !== 'identity' && principals !== 1) throw new PolicyError('Missing required field Principal');
  if ((s.actions === undefined) === (s.notActions === undefined)) throw new PolicyError('Policy statement must contain actions.');
  const actions = s.actions ?? s.notActions ?? [];
  if (actions.length === 0) throw new PolicyError('Policy statement must contain actions.');
  for (const action of actions) {
    if (action !== '*' && !/^[a-zA-Z0-9*?-]+:[a-zA-Z0-9*?.-]+$/.test(action)) {
      throw new PolicyError('Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.');
    }
  }
  if (use === 'trust') {
    if (s.resources || s.notResources) throw new PolicyError('Has prohibited field Resource');
    return;
  }
  if (s.resources && s.notResources) throw new PolicyError('Syntax errors in policy.');
  const resources = s.resources ?? s.notResources ?? [];
  if (use === 'identity' && resources.length === 0) throw new PolicyError('Policy statement must contain resources.');
  for (const resource of resources) {
    if (resource === '*' || resource.startsWith('arn:') || resource.startsWith('${')) continue;
    throw new PolicyError(`Resource ${resource} must be in ARN format or "*".`);
  }
}

function strings(value: unknown): string[] | undefined {
  if (value === undefined) return undefined;
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (!list.every((item) => typeof item === 'string')) throw new PolicyError('Syntax errors in policy.');
  return list;
}

function parsePrincipal(value: unknown): PrincipalElement | undefined {
  if (value === undefined) return undefined;
  const nobody = { any: false, aws: [], service: [], federated: [], canonicalUser: [] };
  if (value === '*') return { ...nobody, any: true };
  if (!isFields(value)) throw new PolicyError('Invalid principal in policy');
  for (const key of Object.keys(value)) {
    if (!['AWS', 'Service', 'Federated', 'CanonicalUser'].includes(key)) throw new PolicyError(`Invalid principal in policy: "${key}"`);
  }
  const aws = strings(value['AWS']) ?? [];
  for (const name of aws) {
    if (name !== '*' && !/^\d{12}$/.test(name) && !/^arn:aws[a-z-]*:(iam|sts)::\d{12}:.+$/.test(name) && !/^A[A-Z0-9]{15,}$/.test(name)) {
      throw new PolicyError(`Invalid principal in policy: "AWS":"${name}"`);
    }
  }
  return {
    any: aws.includes('*'),
    aws: aws.filter((name) => name !== '*'),
    service: strings(value['Service']) ?? [],
    federated: strings(value['Federated']) ?? [],
    canonicalUser: strings(value['CanonicalUser']) ?? [],
  };
}

function parseConditions(value: unknown): Condition[] {
  if (value === undefined) return [];
  if (!isFields(value)) throw new PolicyError('Syntax errors in policy.');
  return Object.entries(value).flatMap(([operator, keys]) => {
    if (!isKnownOperator(operator)) throw new PolicyError(`Invalid Condition type : ${operator}.`);
    if (!isFields(keys)) throw new PolicyError('Syntax errors in policy.');
    return Object.entries(keys).map(([key, given]) => ({ operator, key, values: scalars(given) }));
  });
}
/** Numbers and booleans may stand without quotes. */
function scalars(value: unknown): string[] {
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (!list.every((item) => ['string', 'number', 'boolean'].includes(typeof item))) throw new PolicyError('Syntax errors in policy.');
  return list.map(String);
}

const comparisons = ['Equals', 'NotEquals', 'LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'];
const operators = new Set(
  [
    'StringEquals',
    'StringNotEquals',
    'StringEqualsIgnoreCase',
    'StringNotEqualsIgnoreCase',
    'StringLike',
    'StringNotLike',
    ...comparisons.map((c) => `Numeric${c}`),
    ...comparisons.map((c) => `Date${c}`),
    'Bool',
    'BinaryEquals',
    'IpAddress',
    'NotIpAddress',
    'ArnEquals',
    'ArnNotEquals',
    'ArnLike',
    'ArnNotLike',
    'Null',
  ].map((name) => name.toLowerCase()),
);
const isKnownOperator = (operator: string): boolean => {
  const { name, ifExists } = splitOperator(operator);
  return operators.has(name) && !(ifExists && name === 'null');
};

export interface Operator {
  /** In lower case, without qualifier and suffix. */
  readonly name: string;
  readonly ifExists: boolean;
  readonly set: 'all' | 'any' | undefined;
}
export function splitOperator(operator: string): Operator {
  const match = /^(?:for(all|any)values?:)?(.+?)(ifexists)?$/.exec(operator.toLowerCase());
  return { name: match?.[2] ?? '', ifExists: match?.[3] !== undefined, set: match?.[1] as 'all' | 'any' | undefined };
}

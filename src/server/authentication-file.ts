import { signatureAlgorithms, tokenExpression, type ClaimMapping, type OidcIssuer, type TokenExpression, type TokenRule } from '#apiserver';
import { parseYaml } from '#machinery';
import { UserError } from './errors.ts';

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
type Refuse = (path: string, why: string) => never;

/** The issuers of an AuthenticationConfiguration (apiserver.config.k8s.io). Throws UserError that names the field. */
export async function parseAuthentication(document: string, file: string): Promise<OidcIssuer[]> {
  const refuse: Refuse = (path, why) => {
    throw new UserError(`${file}: ${path}: ${why}`);
  };
  const parsed = await Promise.resolve(parseYaml(document)).catch((error: Error) => refuse('document', error.message));
  const root = fields(parsed.value);
  if (root['kind'] !== 'AuthenticationConfiguration') refuse('kind', 'must be AuthenticationConfiguration (apiVersion apiserver.config.k8s.io/v1)');
  if (root['anonymous'] !== undefined) refuse('anonymous', 'not implemented: anonymous requests may ask for health and version, as roles say');
  return list(root['jwt']).map((entry, i) => readIssuer(fields(entry), `jwt[${i}]`, refuse));
}
function readIssuer(entry: Fields, at: string, refuse: Refuse): OidcIssuer {
  const issuer = fields(entry['issuer']);
  const url = text(issuer['url']) ?? refuse(`${at}.issuer.url`, 'Required value');
  const audiences = list(issuer['audiences']).filter((audience) => typeof audience === 'string');
  if (audiences.length === 0) refuse(`${at}.issuer.audiences`, 'at least one audience is needed');
  const mappings = fields(entry['claimMappings']);
  const path = `${at}.claimMappings`;
  const username = mapping(mappings['username'], `${path}.username`, 'text', refuse) ?? refuse(`${path}.username`, 'Required value');
  const groups = mapping(mappings['groups'], `${path}.groups`, 'texts', refuse);
  const uid = mapping(mappings['uid'], `${path}.uid`, 'text', refuse);
  const extra = readExtra(mappings['extra'], `${path}.extra`, refuse);
  const { requiredClaims, rules: claimRules } = claimRulesOf(entry['claimValidationRules'], `${at}.claimValidationRules`, refuse);
  checkEmail(username, [...extra.map(({ value }) => value), ...claimRules.map(({ test }) => test)], `${path}.username.expression`, refuse);
  const userRules = list(entry['userValidationRules']).map((rule, i) => readRule(fields(rule), `${at}.userValidationRules[${i}]`, 'user', refuse));
  const authority = text(issuer['certificateAuthority']);
  const discovery = text(issuer['discoveryURL']);
  const https = (value: string, field: string): string =>
    URL.canParse(value) && new URL(value).protocol === 'https:' ? value : refuse(`${at}.issuer.${field}`, `${value}: must be an https URL`);
  return {
    url: https(url, 'url'),
    ...(discovery ? { discoveryUrl: https(discovery, 'discoveryURL') } : {}),
    ...(authority ? { certificateAuthority: authority } : {}),
    audiences,
    signingAlgorithms: signatureAlgorithms,
    username,
    ...(groups ? { groups } : {}),
    ...(uid ? { uid } : {}),
    extra,
    requiredClaims,
    claimRules,
    userRules,
  };
}

type Expression = (source: string, path: string) => TokenExpression;
function compiler(scope: Parameters<typeof tokenExpression>[1], result: Parameters<typeof tokenExpression>[2], refuse: Refuse): Expression {
  return (source, path) => {
    try {
      return tokenExpression(source, scope, result);
    } catch (error) {
      return refuse(path, `compilation failed: ${(error as Error).message}`);
    }
  };
}
function mapping(value: unknown, path: string, result: 'text' | 'texts', refuse: Refuse): ClaimMapping | undefined {
  if (value === undefined) return undefined;
  const { claim, prefix, expression } = fields(value);
  if (expression !== undefined && (claim !== undefined || prefix !== undefined)) refuse(path, "expression can't be set when claim or prefix is set");
  if (expression !== undefined)
    return compiler('claims', result, refuse)(text(expression) ?? refuse(`${path}.expression`, 'must be a text'), `${path}.expression`);
  return { claim: text(claim) ?? refuse(path, 'claim or expression is required'), prefix: text(prefix) ?? '' };
}
function readExtra(value: unknown, path: string, refuse: Refuse): NonNullable<OidcIssuer['extra']> {
  return list(value).map((item, i) => {
    const at = `${path}[${i}]`;
    const { key, valueExpression } = fields(item);
    if (typeof key !== 'string' || !/^[a-z0-9.-]+\/[a-z0-9._~%!$&'()*+,;=:-]+$/.test(key))
      refuse(`${at}.key`, 'must be a domain-prefixed path in lowercase (such as example.org/foo)');
    const source = text(valueExpression) ?? refuse(`${at}.valueExpression`, 'Required value');
    return { key: key as string, value: compiler('claims', 'texts', refuse)(source, `${at}.valueExpression`) };
  });
}
function readRule(rule: Fields, at: string, scope: 'claims' | 'user', refuse: Refuse): TokenRule {
  const source = text(rule['expression']) ?? refuse(`${at}.expression`, 'Required value');
  return { test: compiler(scope, 'condition', refuse)(source, `${at}.expression`), message: text(rule['message']) ?? '' };
}
function claimRulesOf(value: unknown, path: string, refuse: Refuse): { requiredClaims: Record<string, string>; rules: TokenRule[] } {
  const requiredClaims: Record<string, string> = {};
  const rules: TokenRule[] = [];
  for (const [i, item] of list(value).entries()) {
    const rule = fields(item);
    const at = `${path}[${i}]`;
    if (rule['expression'] === undefined)
      requiredClaims[text(rule['claim']) ?? refuse(at, 'claim or expression is required')] = text(rule['requiredValue']) ?? '';
    else if (rule['claim'] !== undefined || rule['requiredValue'] !== undefined) refuse(at, "expression can't be set when claim or requiredValue is set");
    else rules.push(readRule(rule, at, 'claims', refuse));
  }
  return { requiredClaims, rules };
}
/** Who names users by their address has to look whether it was verified. */
function checkEmail(username: ClaimMapping, others: readonly TokenExpression[], path: string, refuse: Refuse): void {
  if (!('source' in username) || !username.reads('email')) return;
  if ([username, ...others].some((expression) => expression.reads('email_verified'))) return;
  refuse(
    path,
    'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
  );
}

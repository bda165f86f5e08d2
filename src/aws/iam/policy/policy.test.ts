import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { holds } from './conditions.ts';
import { parsePolicy, PolicyError, type PolicyUse } from './document.ts';
import { evaluate, type Decision, type EvaluationRequest, type NamedPolicy, type Principal } from './evaluate.ts';
import { glob, matchesArn } from './match.ts';
import { expander } from './variables.ts';

const document = (statements: object | object[], version = '2012-10-17'): string => JSON.stringify({ Version: version, Statement: statements });
const policy = (statements: object | object[], use: PolicyUse = 'identity', name = 'p'): NamedPolicy => ({
  name,
  policy: parsePolicy(document(statements), use),
});
const all = { Effect: 'Allow', Action: '*', Resource: '*' };
const account = '111122223333';
const other = '444455556666';
const user: Principal = { type: 'user', arn: `arn:aws:iam::${account}:user/ana`, account };
const session: Principal = { type: 'role', arn: `arn:aws:sts::${account}:assumed-role/app/one`, account, roleArn: `arn:aws:iam::${account}:role/app` };
const bucket = 'arn:aws:s3:::logs/x';

function decide(given: Partial<EvaluationRequest>): Decision {
  return evaluate({
    principal: user,
    action: 's3:GetObject',
    resource: bucket,
    resourceAccount: account,
    keys: new Map(),
    identityPolicies: [],
    ...given,
  });
}

describe('wildcards', () => {
  const cases: [string, string, boolean][] = [
    ['*', '', true],
    ['a*c', 'abbbc', true],
    ['a*c', 'abbbd', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['**a**', 'xxaxx', true],
    ['*a*b*c*', '1a2b3c4', true],
    ['', 'a', false],
    ['s3:Get*', 's3:GetObject', true],
  ];
  for (const [pattern, text, wanted] of cases) test(`${pattern} and ${text}`, () => assert.equal(glob(pattern, text), wanted));
  test('a pattern made to be slow is not', () => assert.equal(glob(`${'*a'.repeat(40)}b`, 'a'.repeat(4000)), false));
  test('a wildcard of an ARN stays in its part', () => {
    assert.equal(matchesArn('arn:aws:s3:::logs/*', bucket), true);
    assert.equal(matchesArn('arn:aws:*:x', 'arn:aws:s3:::x'), false);
    assert.equal(matchesArn('arn:aws:ecs:*:*:task/*', `arn:aws:ecs:us-east-1:${account}:task/a/b`), true);
    assert.equal(matchesArn('arn:aws:ecs:us-*:1:task/*', `arn:aws:ecs:us-east-1:${account}:task/a`), false);
  });
});

describe('documents that are refused', () => {
  const cases: [string, string, PolicyUse, RegExp][] = [
    ['no JSON', '{', 'identity', /invalid Json/],
    ['no statement', '{"Version":"2012-10-17"}', 'identity', /Syntax errors/],
    ['an unknown version', document(all, '2013-01-01'), 'identity', /valid version string/],
    ['an unknown field', document({ ...all, Actions: '*' }), 'identity', /Syntax errors/],
    ['an unknown effect', document({ ...all, Effect: 'allow' }), 'identity', /Syntax errors/],
    ['an action without a service', document({ ...all, Action: 'GetObject' }), 'identity', /prefaced by a vendor/],
    ['both Action and NotAction', document({ ...all, NotAction: 's3:*' }), 'identity', /must contain actions/],
    ['no resource', document({ Effect: 'Allow', Action: '*' }), 'identity', /must contain resources/],
    ['a resource that is no ARN', document({ ...all, Resource: 'logs' }), 'identity', /must be in ARN format/],
    ['a principal in an identity policy', document({ ...all, Principal: '*' }), 'identity', /should not specify a principal/],
    ['no principal in a resource policy', document(all), 'resource', /Missing required field Principal/],
    ['a resource in a trust policy', document({ ...all, Principal: '*' }), 'trust', /prohibited field Resource/],
    ['an unknown operator', document({ ...all, Condition: { StringIs: { a: 'b' } } }), 'identity', /Invalid Condition type/],
    ['a made-up principal', document({ ...all, Principal: { AWS: 'ana' } }), 'resource', /Invalid principal/],
    [
      'one Sid twice',
      document([
        { ...all, Sid: 'A' },
        { ...all, Sid: 'A' },
      ]),
      'identity',
      /must be unique/,
    ],
  ];
  for (const [what, text, use, message] of cases) {
    test(what, () =>
      assert.throws(
        () => parsePolicy(text, use),
        (error) => error instanceof PolicyError && message.test(error.message),
      ),
    );
  }
});

describe('within an account', () => {
  test('nothing allows: implicit deny', () => assert.deepEqual(decide({}), { effect: 'implicitDeny', by: undefined, lacking: 'identity' }));
  test('the identity allows', () => {
    const decision = decide({ identityPolicies: [policy({ Sid: 'Read', Effect: 'Allow', Action: 's3:get*', Resource: 'arn:aws:s3:::logs/*' })] });
    assert.deepEqual(decision, { effect: 'allowed', by: { policy: 'p', sid: 'Read' }, lacking: undefined });
  });
  test('an explicit deny wins wherever it stands', () => {
    const deny = { Effect: 'Deny', Action: 's3:GetObject', Resource: '*' };
    const allowing = [policy(all)];
    assert.equal(decide({ identityPolicies: [policy(all), policy(deny)] }).effect, 'explicitDeny');
    assert.equal(decide({ identityPolicies: allowing, boundary: policy([all, deny]) }).effect, 'explicitDeny');
    assert.equal(decide({ identityPolicies: allowing, sessionPolicies: [policy([all, deny])] }).effect, 'explicitDeny');
    assert.equal(decide({ identityPolicies: allowing, resourcePolicy: policy({ ...deny, Principal: '*' }, 'resource') }).effect, 'explicitDeny');
  });
  test('the resource alone allows who it names', () => {
    assert.equal(decide({ resourcePolicy: policy({ ...all, Principal: { AWS: user.arn } }, 'resource') }).effect, 'allowed');
    assert.equal(decide({ resourcePolicy: policy({ ...all, Principal: '*' }, 'resource') }).effect, 'allowed');
    assert.equal(decide({ resourcePolicy: policy({ ...all, Principal: { AWS: `${user.arn}2` } }, 'resource') }).effect, 'implicitDeny');
  });
  test('naming the account leaves it to the identity policies', () => {
    const resourcePolicy = policy({ ...all, Principal: { AWS: `arn:aws:iam::${account}:root` } }, 'resource');
    assert.deepEqual(decide({ resourcePolicy }).lacking, 'identity');
    assert.equal(decide({ resourcePolicy, identityPolicies: [policy(all)] }).effect, 'allowed');
  });
  test('a boundary takes away, and gives nothing', () => {
    const reads = policy({ Effect: 'Allow', Action: 's3:Get*', Resource: '*' });
    assert.equal(decide({ identityPolicies: [policy(all)], boundary: reads }).effect, 'allowed');
    assert.equal(decide({ identityPolicies: [policy(all)], boundary: reads, action: 's3:PutObject' }).lacking, 'boundary');
    assert.equal(decide({ boundary: reads }).lacking, 'identity');
  });
  test('a boundary does not touch what the resource gives to the user himself', () => {
    const boundary = policy({ Effect: 'Allow', Action: 'ec2:*', Resource: '*' });
    assert.equal(decide({ boundary, resourcePolicy: policy({ ...all, Principal: { AWS: user.arn } }, 'resource') }).effect, 'allowed');
  });
  test('what it gives to a role is limited by the session; what it gives to the session is not', () => {
    const sessionPolicies = [policy({ Effect: 'Allow', Action: 'ec2:*', Resource: '*' })];
    const to = (arn: string) => policy({ ...all, Principal: { AWS: arn } }, 'resource');
    assert.equal(decide({ principal: session, sessionPolicies, resourcePolicy: to(session.roleArn as string) }).lacking, 'session');
    assert.equal(decide({ principal: session, sessionPolicies, resourcePolicy: to(session.arn) }).effect, 'allowed');
    assert.equal(decide({ principal: session, sessionPolicies: [], identityPolicies: [policy(all)] }).lacking, 'session');
  });
  test('the root of the account may do everything that nothing denies', () => {
    const root: Principal = { type: 'root', arn: `arn:aws:iam::${account}:root`, account };
    assert.equal(decide({ principal: root }).effect, 'allowed');
    assert.equal(
      decide({ principal: root, resourcePolicy: policy({ Effect: 'Deny', Principal: '*', Action: '*', Resource: '*' }, 'resource') }).effect,
      'explicitDeny',
    );
    assert.equal(decide({ principal: root, resourceAccount: other }).effect, 'implicitDeny');
  });
  test('NotAction and NotResource allow the rest', () => {
    const rest = policy({ Effect: 'Allow', NotAction: 'iam:*', Resource: '*' });
    assert.equal(decide({ identityPolicies: [rest] }).effect, 'allowed');
    assert.equal(decide({ identityPolicies: [rest], action: 'iam:CreateUser', resource: '*' }).effect, 'implicitDeny');
    const elsewhere = policy({ Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::logs/*' });
    assert.equal(decide({ identityPolicies: [elsewhere] }).effect, 'implicitDeny');
    assert.equal(decide({ identityPolicies: [elsewhere], resource: 'arn:aws:s3:::other/x' }).effect, 'allowed');
  });
  test('NotPrincipal denies everybody who is not named himself', () => {
    const deny = (names: string[]) => policy([{ Effect: 'Deny', NotPrincipal: { AWS: names }, Action: '*', Resource: '*' }], 'resource');
    const identityPolicies = [policy(all)];
    assert.equal(decide({ identityPolicies, resourcePolicy: deny([user.arn, account]) }).effect, 'allowed');
    assert.equal(decide({ identityPolicies, resourcePolicy: deny([account]) }).effect, 'explicitDeny');
    assert.equal(decide({ identityPolicies, resourcePolicy: deny([session.arn]) }).effect, 'explicitDeny');
  });
});

describe('across accounts', () => {
  const from = (names: object | string) => policy({ ...all, Principal: names }, 'resource');
  const asked = { resourceAccount: other };
  test('both sides must allow', () => {
    assert.equal(decide({ ...asked, identityPolicies: [policy(all)] }).lacking, 'resource');
    assert.equal(decide({ ...asked, resourcePolicy: from({ AWS: user.arn }) }).lacking, 'identity');
    assert.equal(decide({ ...asked, resourcePolicy: from({ AWS: user.arn }), identityPolicies: [policy(all)] }).effect, 'allowed');
    assert.equal(decide({ ...asked, resourcePolicy: from({ AWS: account }), identityPolicies: [policy(all)] }).effect, 'allowed');
    assert.equal(decide({ ...asked, resourcePolicy: from({ AWS: other }), identityPolicies: [policy(all)] }).lacking, 'resource');
  });
  test('services and strangers have the resource policy alone', () => {
    const service: Principal = { type: 'service', arn: 'ecs-tasks.amazonaws.com', account: '' };
    const nobody: Principal = { type: 'anonymous', arn: '', account: '' };
    assert.equal(decide({ principal: service, resourcePolicy: from({ Service: service.arn }) }).effect, 'allowed');
    assert.equal(decide({ principal: service, resourcePolicy: from({ Service: 'ec2.amazonaws.com' }) }).effect, 'implicitDeny');
    assert.equal(decide({ principal: nobody, resourcePolicy: from('*') }).effect, 'allowed');
    assert.equal(decide({ principal: nobody, resourcePolicy: from({ AWS: '*' }) }).effect, 'allowed');
    assert.equal(decide({ principal: nobody, resourcePolicy: from({ AWS: account }) }).effect, 'implicitDeny');
  });
});

describe('trust policies', () => {
  const trust = (names: object) => ({
    action: 'sts:AssumeRole',
    resource: session.roleArn as string,
    resourcePolicyDecides: true,
    resourcePolicy: policy({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: names }, 'trust'),
  });
  test('must allow, also when the identity does', () => {
    assert.equal(decide({ ...trust({ Service: 'ec2.amazonaws.com' }), identityPolicies: [policy(all)] }).lacking, 'resource');
    assert.equal(decide({ ...trust({ AWS: user.arn }) }).effect, 'allowed');
    assert.equal(decide({ ...trust({ AWS: account }) }).lacking, 'identity');
    assert.equal(decide({ ...trust({ AWS: account }), identityPolicies: [policy(all)] }).effect, 'allowed');
    const root: Principal = { type: 'root', arn: `arn:aws:iam::${account}:root`, account };
    assert.equal(decide({ ...trust({ AWS: account }), principal: root }).effect, 'allowed');
    assert.equal(decide({ ...trust({ AWS: other }), principal: root }).effect, 'implicitDeny');
  });
});

describe('conditions', () => {
  const check = (operator: string, key: string, values: unknown, given: Record<string, string[]>): boolean => {
    const parsed = parsePolicy(document({ ...all, Condition: { [operator]: { [key]: values } } }), 'identity');
    const keys = new Map(Object.entries(given).map(([k, v]) => [k.toLowerCase(), v]));
    return (parsed.statements[0]?.conditions ?? []).every((condition) => holds(condition, keys, expander(parsed, keys)));
  };
  const cases: [string, string, unknown, Record<string, string[]>, boolean][] = [
    ['StringEquals', 'aws:username', 'ana', { 'aws:username': ['ana'] }, true],
    ['StringEquals', 'aws:username', 'ana', { 'aws:username': ['Ana'] }, false],
    ['stringequals', 'AWS:UserName', ['x', 'ana'], { 'aws:username': ['ana'] }, true],
    ['StringEquals', 'aws:username', 'ana', {}, false],
    ['StringEqualsIfExists', 'aws:username', 'ana', {}, true],
    ['StringNotEquals', 'aws:username', 'ana', {}, true],
    ['StringNotEquals', 'aws:username', ['ana', 'bo'], { 'aws:username': ['bo'] }, false],
    ['StringEqualsIgnoreCase', 'a', 'ANA', { a: ['ana'] }, true],
    ['StringNotEqualsIgnoreCase', 'a', 'ANA', { a: ['ana'] }, false],
    ['StringLike', 'a', 'x*z', { a: ['xyz'] }, true],
    ['StringNotLike', 'a', 'x*z', { a: ['xyz'] }, false],
    ['StringEquals', 'a', 'x*z', { a: ['xyz'] }, false],
    ['NumericLessThanEquals', 's3:max-keys', 10, { 's3:max-keys': ['10'] }, true],
    ['NumericLessThan', 's3:max-keys', '10', { 's3:max-keys': ['10'] }, false],
    ['NumericGreaterThan', 'n', '1', { n: ['x'] }, false],
    ['NumericNotEquals', 'n', '1', { n: ['2'] }, true],
    ['DateGreaterThan', 'aws:CurrentTime', '2026-01-01T00:00:00Z', { 'aws:currenttime': ['2026-06-01T00:00:00Z'] }, true],
    ['DateLessThan', 'aws:EpochTime', '2026-01-01T00:00:00Z', { 'aws:epochtime': ['1700000000'] }, true],
    ['Bool', 'aws:SecureTransport', false, { 'aws:securetransport': ['false'] }, true],
    ['BinaryEquals', 'b', 'QmF0', { b: ['QmF0'] }, true],
    ['IpAddress', 'aws:SourceIp', '10.0.0.0/8', { 'aws:sourceip': ['10.1.2.3'] }, true],
    ['IpAddress', 'aws:SourceIp', '10.0.0.0/8', { 'aws:sourceip': ['11.1.2.3'] }, false],
    ['NotIpAddress', 'aws:SourceIp', '2001:db8::/32', { 'aws:sourceip': ['2001:db8::1'] }, false],
    ['IpAddress', 'aws:SourceIp', '10.0.0.1', { 'aws:sourceip': ['10.0.0.1'] }, true],
    ['ArnLike', 'aws:SourceArn', 'arn:aws:ecs:*:*:cluster/*', { 'aws:sourcearn': [`arn:aws:ecs:eu-west-1:${account}:cluster/a`] }, true],
    ['ArnNotEquals', 'aws:SourceArn', 'arn:aws:ecs:*:*:cluster/*', { 'aws:sourcearn': [`arn:aws:ecs:eu-west-1:${account}:cluster/a`] }, false],
    ['Null', 'aws:TokenIssueTime', 'true', {}, true],
    ['Null', 'aws:TokenIssueTime', 'false', {}, false],
    ['ForAllValues:StringEquals', 'aws:TagKeys', ['a', 'b'], { 'aws:tagkeys': ['a'] }, true],
    ['ForAllValues:StringEquals', 'aws:TagKeys', ['a', 'b'], { 'aws:tagkeys': ['a', 'c'] }, false],
    ['ForAllValues:StringEquals', 'aws:TagKeys', ['a'], {}, true],
    ['ForAnyValue:StringLike', 'aws:TagKeys', ['a*'], { 'aws:tagkeys': ['x', 'ab'] }, true],
    ['ForAnyValue:StringLike', 'aws:TagKeys', ['a*'], {}, false],
    ['StringEquals', 'aws:ResourceTag/team', '${aws:PrincipalTag/team}', { 'aws:resourcetag/team': ['red'], 'aws:principaltag/team': ['red'] }, true],
    ['StringEquals', 'aws:ResourceTag/team', "${aws:PrincipalTag/team, 'none'}", { 'aws:resourcetag/team': ['none'] }, true],
    ['StringEquals', 'aws:ResourceTag/team', '${aws:PrincipalTag/team}', { 'aws:resourcetag/team': [''] }, false],
    ['StringLike', 'a', '${aws:PrincipalTag/x}', { a: ['anything'], 'aws:principaltag/x': ['*'] }, false],
    ['StringEquals', 'a', '${aws:PrincipalTag/x}', { a: ['*'], 'aws:principaltag/x': ['*'] }, true],
    ['StringLike', 'a', 'x${*}z', { a: ['xyz'] }, false],
    ['StringLike', 'a', 'x${*}z', { a: ['x*z'] }, true],
  ];
  for (const [operator, key, values, given, wanted] of cases) {
    test(`${operator} ${key} ${JSON.stringify(values)} of ${JSON.stringify(given)}`, () => assert.equal(check(operator, key, values, given), wanted));
  }

  test('variables in a resource; none in the older version', () => {
    const keys = new Map([['aws:username', ['ana']]]);
    const home = { Effect: 'Allow', Action: '*', Resource: 'arn:aws:s3:::homes/${aws:username}/*' };
    const asked = { keys, resource: 'arn:aws:s3:::homes/ana/x' };
    assert.equal(decide({ ...asked, identityPolicies: [policy(home)] }).effect, 'allowed');
    assert.equal(decide({ ...asked, keys: new Map([['aws:username', ['*']]]), identityPolicies: [policy(home)] }).effect, 'implicitDeny');
    const older = { name: 'p', policy: parsePolicy(document(home, '2008-10-17'), 'identity') };
    assert.equal(decide({ ...asked, identityPolicies: [older] }).effect, 'implicitDeny');
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '#base';
import { isApiError, type KubeObject, type UserInfo } from '#machinery';
import { standardAuthorizer } from '../auth/standard-authorizer.ts';
import { reviews } from './reviews.ts';

const ann: UserInfo = { username: 'ann', groups: ['system:authenticated'], extra: { k: ['v'] } };
const all = reviews({
  authorizer: standardAuthorizer().authorizer,
  tokens: { name: 't', review: (token, audiences) => (token === 'good' ? { user: ann, audiences } : token === 'bad' ? { error: 'why' } : undefined) },
  audiences: ['api'],
  clock: new FakeClock(),
});
async function create(plural: string, body: object, namespace?: string): Promise<unknown> {
  const made = await all.find((review) => review.plural === plural)?.create(body as KubeObject, ann, namespace);
  return (made as { status?: unknown }).status;
}
async function refusal(plural: string, body: object, namespace?: string): Promise<string> {
  try {
    await create(plural, body, namespace);
  } catch (error) {
    assert.ok(isApiError(error), String(error));
    return `${error.reason}: ${error.message}`;
  }
  return 'accepted';
}
const pods = { resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'a' } };

describe('access reviews', () => {
  it('answer about oneself and about others', async () => {
    assert.deepEqual(await create('selfsubjectaccessreviews', { spec: pods }), { allowed: false });
    assert.deepEqual(await create('subjectaccessreviews', { spec: { ...pods, user: 'x', groups: ['system:masters'] } }), { allowed: true });
    assert.deepEqual(
      await create('subjectaccessreviews', { spec: { nonResourceAttributes: { verb: 'get', path: '/version' }, groups: ['system:unauthenticated'] } }),
      {
        allowed: true,
        reason: 'RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"',
      },
    );
    assert.deepEqual(await create('localsubjectaccessreviews', { metadata: { namespace: 'a' }, spec: { ...pods, user: 'x' } }, 'a'), { allowed: false });
  });
  it('see selectors', async () => {
    const node = { user: 'system:node:n1', groups: ['system:nodes'] };
    const requirements = [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }];
    const spec = { ...node, resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector: { requirements } } };
    assert.deepEqual(await create('subjectaccessreviews', { spec }), { allowed: true });
    assert.equal(((await create('subjectaccessreviews', { spec: { ...node, ...pods } })) as { allowed: boolean }).allowed, false);
  });
  it('are refused in the words of kube-apiserver', async () => {
    const invalid = (kind: string, text: string): string => `Invalid: ${kind}.authorization.k8s.io "" is invalid: ${text}`;
    const sar = (spec: object, metadata: object = {}) => refusal('subjectaccessreviews', { metadata, spec });
    assert.equal(
      await sar({ user: 'x' }),
      invalid(
        'SubjectAccessReview',
        'spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    );
    assert.match(await sar({ ...pods, user: 'x', nonResourceAttributes: { path: '/' } }), /cannot be specified in combination with resourceAttributes$/);
    assert.equal(await sar(pods), invalid('SubjectAccessReview', 'spec.user: Invalid value: "": at least one of user or group must be specified'));
    assert.match(await sar({ ...pods, user: 'x' }, { name: 'n' }), /metadata: Invalid value: \{"name":"n"\}: must be empty$/);
    assert.match(
      await refusal('localsubjectaccessreviews', { metadata: { namespace: 'b' }, spec: { ...pods, user: 'x' } }, 'a'),
      /^BadRequest: .*must match namespace: a$/,
    );
    assert.match(
      await refusal('localsubjectaccessreviews', { metadata: { namespace: 'b' }, spec: { ...pods, user: 'x' } }, 'b'),
      /spec\.resourceAttributes\.namespace: Invalid value: "a": must match metadata\.namespace$/,
    );
    assert.match(await sar({ user: 'x', resourceAttributes: { fieldSelector: {} } }), /fieldSelector\.requirements: Required value/);
    assert.equal(await refusal('selfsubjectrulesreviews', { spec: {} }), 'BadRequest: no namespace on request');
  });
  it('of other shapes are refused, and nothing else happens', async () => {
    const cannot = (kind: string, text: string): string => `BadRequest: ${kind} in version "v1" cannot be handled as a ${kind}: json: cannot unmarshal ${text}`;
    assert.equal(
      await refusal('subjectaccessreviews', { spec: { ...pods, groups: 'x' } }),
      cannot('SubjectAccessReview', 'string into Go struct field SubjectAccessReview.spec.groups of type []string'),
    );
    assert.equal(
      await refusal('tokenreviews', { spec: { token: 7 } }),
      cannot('TokenReview', 'number into Go struct field TokenReview.spec.token of type string'),
    );
    for (const spec of [
      [],
      'x',
      1,
      true,
      { user: [] },
      { extra: { a: 'b' } },
      { resourceAttributes: [] },
      { resourceAttributes: { labelSelector: { requirements: [1] } } },
    ])
      assert.match(await refusal('subjectaccessreviews', { spec }), /^BadRequest: /, JSON.stringify(spec));
  });
});

describe('token reviews', () => {
  it('tell the user and the audiences, or what is wrong', async () => {
    const review = (token: string, audiences?: string[]) => create('tokenreviews', { spec: { token, ...(audiences ? { audiences } : {}) } });
    assert.deepEqual(await review('good'), {
      authenticated: true,
      user: { username: 'ann', groups: ['system:authenticated'], extra: { k: ['v'] } },
      audiences: ['api'],
    });
    assert.deepEqual(((await review('good', ['x'])) as { audiences: string[] }).audiences, ['x']);
    assert.deepEqual(await review('bad'), { user: {}, error: 'why' });
    assert.deepEqual(await review('other'), { user: {}, error: 'invalid bearer token' });
    assert.equal(await refusal('tokenreviews', { spec: {} }), 'BadRequest: token is required for TokenReview in authentication');
  });
});

describe('what one may ask of oneself', () => {
  it('is who one is, and what one may do', async () => {
    assert.deepEqual(await create('selfsubjectreviews', {}), { userInfo: { username: 'ann', groups: ['system:authenticated'], extra: { k: ['v'] } } });
    const rules = (await create('selfsubjectrulesreviews', { spec: { namespace: 'a' } })) as {
      resourceRules: object[];
      nonResourceRules: object[];
      incomplete: boolean;
    };
    assert.deepEqual(rules.resourceRules.at(0), {
      verbs: ['create'],
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
    });
    assert.equal(rules.incomplete, false);
  });
});

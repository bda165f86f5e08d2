import assert from 'node:assert/strict';
import { describe as group, it } from 'node:test';
import { isApiError, type KubeObject, type UserInfo } from '#machinery';
import type { Attributes, ObjectReader } from '../../types.ts';
import { standardAuthorizer } from '../standard-authorizer.ts';
import { rbacAuthorizer } from './authorizer.ts';
import { bootstrapPolicy } from './bootstrap/bootstrap.ts';
import { describe, missing } from './covers.ts';
import { Policy } from './policy.ts';
import { allows } from './rules.ts';
import type { Binding, PolicyRule, Role, Subject } from './types.ts';

const ann: UserInfo = { username: 'ann', groups: ['devs', 'system:authenticated'] };
const ask = (text: string, user: UserInfo = ann): Attributes => {
  const [verb = '', what = '', namespace = '', name = ''] = text.split(' ');
  const common = { user, verb, version: 'v1', namespace, name };
  if (what.startsWith('/')) return { ...common, resource: false, group: '', plural: '', subresource: '', path: what };
  const [resource = '', ...groups] = what.split('.');
  const [plural = '', subresource = ''] = resource.split('/');
  return { ...common, resource: true, group: groups.join('.'), plural, subresource, path: '' };
};
const rule = (verbs: string, groups: string, resources: string, names?: string): PolicyRule => ({
  verbs: verbs.split(' '),
  apiGroups: groups.split(' '),
  resources: resources.split(' '),
  ...(names ? { resourceNames: names.split(' ') } : {}),
});

group('a rule', () => {
  const cases: [PolicyRule, string, boolean][] = [
    [rule('get', '', 'pods'), 'get pods a', true],
    [rule('get', '', 'pods'), 'list pods a', false],
    [rule('get', '', 'pods'), 'get pods.apps a', false],
    [rule('get', '', 'pods'), 'get pods/log a', false],
    [rule('get', '', 'pods/log'), 'get pods/log a', true],
    [rule('get', '', 'pods/log'), 'get pods a', false],
    [rule('get', '', '*/log'), 'get pods/log a', true],
    [rule('get', '', '*/log'), 'get pods/logs a', false],
    [rule('get', '', '*/scale'), 'get pods a', false],
    [rule('get', '', '*'), 'get pods/log a', true],
    [rule('*', '*', '*'), 'escalate roles.rbac.authorization.k8s.io a', true],
    [rule('get', '', 'pods', 'x y'), 'get pods a y', true],
    [rule('get', '', 'pods', 'x y'), 'get pods a z', false],
    [rule('get', '', 'pods', 'x'), 'get pods a', false],
    [rule('get', '', 'p/log'), 'get p/log a', true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/api/*'] }, 'get /healthz', true],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/api/*'] }, 'get /healthz/x', false],
    [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/api/*'] }, 'get /api/v1', true],
    [{ verbs: ['get'], nonResourceURLs: ['/api/*'] }, 'get /api', false],
    [{ verbs: ['*'], nonResourceURLs: ['*'] }, 'post /x', true],
    [{ verbs: ['*'], nonResourceURLs: ['*'] }, 'get pods a', false],
    [rule('*', '*', '*'), 'get /x', false],
  ];
  for (const [candidate, request, expected] of cases)
    it(`${describe(candidate)} ${expected ? 'allows' : 'does not allow'} ${request}`, () => assert.equal(allows(candidate, ask(request)), expected));
});

group('what is missing', () => {
  const cases: [PolicyRule[], PolicyRule[], string[]][] = [
    [[rule('get list', '', 'pods')], [rule('get', '', 'pods')], []],
    [[rule('get', '', 'pods')], [rule('get list watch', '', 'pods')], ['{APIGroups:[""], Resources:["pods"], Verbs:["list" "watch"]}']],
    [[rule('*', '*', '*')], [rule('get', 'apps', 'deployments', 'x')], []],
    [[rule('get', '', 'pods', 'x')], [rule('get', '', 'pods')], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']],
    [[rule('get', '', 'pods', 'x y')], [rule('get', '', 'pods', 'x')], []],
    [[rule('get', '', 'pods', 'x')], [rule('get', '', 'pods', 'x z')], ['{APIGroups:[""], Resources:["pods"], ResourceNames:["z"], Verbs:["get"]}']],
    [[rule('get', '*', '*/scale')], [rule('get', 'apps', 'deployments/scale')], []],
    [[rule('get', '', 'pods')], [rule('*', '', 'pods')], ['{APIGroups:[""], Resources:["pods"], Verbs:["*"]}']],
    [[{ verbs: ['get'], nonResourceURLs: ['/a/*'] }], [{ verbs: ['get'], nonResourceURLs: ['/a/b', '/c'] }], ['{NonResourceURLs:["/c"], Verbs:["get"]}']],
    [[], [], []],
  ];
  for (const [held, wanted, expected] of cases)
    it(`of ${wanted.map(describe).join()} for who holds ${held.map(describe).join()}`, () => assert.deepEqual(missing(held, wanted).map(describe), expected));
});

/** A cache in miniature. */
class World implements ObjectReader {
  readonly #watchers = new Map<string, ((object: KubeObject | undefined, old: KubeObject | undefined) => void)[]>();
  readonly #objects = new Map<string, KubeObject>();
  get(): undefined {
    return undefined;
  }
  list(): [] {
    return [];
  }
  observe(_group: string, plural: string, handler: (object: KubeObject | undefined, old: KubeObject | undefined) => void): void {
    this.#watchers.set(plural, [...(this.#watchers.get(plural) ?? []), handler]);
  }
  put(plural: string, object: KubeObject | undefined, key: string): void {
    const id = `${plural} ${key}`;
    const old = this.#objects.get(id);
    if (!object && !old) return;
    if (object) this.#objects.set(id, object);
    else this.#objects.delete(id);
    for (const watcher of this.#watchers.get(plural) ?? []) watcher(object, old);
  }
  role(name: string, rules: PolicyRule[] | undefined, namespace?: string): void {
    const object: Role | undefined = rules && { metadata: { name, ...(namespace ? { namespace } : {}) }, rules };
    this.put(namespace ? 'roles' : 'clusterroles', object, `${namespace} ${name}`);
  }
  bind(name: string, to: string, subjects: Subject[] | undefined, namespace?: string): void {
    const [kind = '', role = ''] = to.split('/');
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind, name: role };
    const object: Binding | undefined = subjects && { metadata: { name, ...(namespace ? { namespace } : {}) }, roleRef, subjects };
    this.put(namespace ? 'rolebindings' : 'clusterrolebindings', object, `${namespace} ${name}`);
  }
}
const user = (name: string): Subject => ({ kind: 'User', name });

group('the RBAC authorizer', () => {
  const make = (): {
    world: World;
    policy: Policy;
    allowed: (text: string, who?: UserInfo) => boolean;
    reason: (text: string, who?: UserInfo) => string | undefined;
  } => {
    const world = new World();
    const policy = new Policy();
    const authorizer = rbacAuthorizer(policy);
    authorizer.start(world);
    const verdict = (text: string, who: UserInfo = ann) => authorizer.authorize(ask(text, who));
    return { world, policy, allowed: (text, who) => verdict(text, who).allowed, reason: (text, who) => verdict(text, who).reason };
  };
  it('follows bindings and roles as they come and go', () => {
    const { world, allowed } = make();
    assert.equal(allowed('get pods a'), false);
    world.bind('b', 'Role/r', [user('ann')], 'a');
    assert.equal(allowed('get pods a'), false, 'a binding to no role');
    world.role('r', [rule('get', '', 'pods')], 'a');
    assert.deepEqual([allowed('get pods a'), allowed('get pods b'), allowed('get pods')], [true, false, false]);
    world.bind('b', 'Role/r', [user('bob')], 'a');
    assert.equal(allowed('get pods a'), false);
    world.bind('b', 'Role/r', [{ kind: 'Group', name: 'devs' }], 'a');
    assert.equal(allowed('get pods a'), true);
    world.role('r', [rule('list', '', 'pods')], 'a');
    assert.deepEqual([allowed('get pods a'), allowed('list pods a')], [false, true]);
    world.bind('b', 'Role/r', undefined, 'a');
    assert.equal(allowed('list pods a'), false);
  });
  it('takes the namespace of a service account from its binding', () => {
    const { world, allowed } = make();
    const account: UserInfo = { username: 'system:serviceaccount:a:robot', groups: [] };
    world.role('r', [rule('get', '', 'pods')]);
    world.bind('b', 'ClusterRole/r', [{ kind: 'ServiceAccount', name: 'robot' }], 'a');
    assert.deepEqual([allowed('get pods a', account), allowed('get pods b', account)], [true, false]);
    world.bind('c', 'ClusterRole/r', [{ kind: 'ServiceAccount', name: 'robot' }]);
    assert.equal(allowed('get pods b', account), false, 'nobody: a cluster-wide binding names no namespace');
  });
  it('gives its reasons', () => {
    const { world, reason } = make();
    world.role('r', [rule('get', '', 'pods')]);
    world.bind('b', 'ClusterRole/r', [user('ann')], 'a');
    assert.equal(reason('get pods a'), 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "r" to User "ann"');
    world.bind('c', 'ClusterRole/r', [{ kind: 'Group', name: 'devs' }]);
    assert.equal(reason('get pods b'), 'RBAC: allowed by ClusterRoleBinding "c" of ClusterRole "r" to Group "devs"');
    world.bind('sa', 'ClusterRole/r', [{ kind: 'ServiceAccount', name: 'robot', namespace: 'x' }], 'a');
    assert.equal(
      reason('get pods a', { username: 'system:serviceaccount:x:robot', groups: [] }),
      'RBAC: allowed by RoleBinding "sa/a" of ClusterRole "r" to ServiceAccount "robot/x"',
    );
    assert.equal(reason('list pods a'), undefined);
    world.bind('d', 'ClusterRole/gone', [user('ann')]);
    assert.equal(reason('list pods b'), 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found');
    world.bind('e', 'Role/gone', [user('ann')], 'b');
    assert.equal(reason('list pods b'), 'RBAC: [clusterrole.rbac.authorization.k8s.io "gone" not found, role.rbac.authorization.k8s.io "gone" not found]');
  });
  it('says as NotFound what a binding refers to in vain', () => {
    const { policy } = make();
    const find = () => policy.requireRules({ apiGroup: '', kind: 'ClusterRole', name: 'x' }, '');
    assert.throws(find, (error) => isApiError(error, 'NotFound') && error.message === 'clusterroles.rbac.authorization.k8s.io "x" not found');
  });
  it('agrees with an evaluation from scratch while ten thousand bindings come and go', () => {
    const { world, allowed } = make();
    for (let i = 0; i < 50; i++) world.role(`r${i}`, [rule('get', '', `kind${i}`)]);
    const present = new Map<string, { role: number; who: number; place: number }>();
    let seed = 7;
    const next = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) % n;
    for (let step = 0; step < 10_000; step++) {
      const name = `b${next(3000)}`;
      const place = next(20);
      const key = `${name} ${place}`;
      if (next(4) === 0) {
        present.delete(key);
        world.bind(name, '', undefined, `n${place}`);
        continue;
      }
      const binding = { role: next(50), who: next(100), place };
      present.set(key, binding);
      world.bind(name, `ClusterRole/r${binding.role}`, [user(`u${binding.who}`)], `n${place}`);
    }
    for (let step = 0; step < 2000; step++) {
      const [role, who, place] = [next(50), next(100), next(20)];
      const expected = [...present.values()].some((b) => b.role === role && b.who === who && b.place === place);
      assert.equal(allowed(`get kind${role} n${place}`, { username: `u${who}`, groups: [] }), expected);
    }
  });
});

group('the bootstrap policy', () => {
  const { authorizer } = standardAuthorizer();
  const may = (text: string, who: UserInfo): boolean => authorizer.authorize(ask(text, who)).allowed;
  const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
  it('lets anyone ask for health and version, and nothing else', () => {
    assert.deepEqual(
      ['/healthz', '/livez', '/readyz', '/version', '/version/'].map((path) => may(`get ${path}`, anonymous)),
      [true, true, true, true, true],
    );
    assert.deepEqual(
      ['/api', '/apis', '/metrics', '/healthz/ping', '/openapi/v2'].map((path) => may(`get ${path}`, anonymous)),
      Array(5).fill(false),
    );
    assert.equal(may('get pods default', anonymous), false);
  });
  it('lets those it knows discover, and ask about themselves', () => {
    assert.deepEqual(
      ['/api', '/apis/apps/v1', '/openapi/v3/api/v1', '/version'].map((path) => may(`get ${path}`, ann)),
      [true, true, true, true],
    );
    assert.equal(may('get /metrics', ann), false);
    assert.equal(may('create selfsubjectaccessreviews.authorization.k8s.io', ann), true);
    assert.equal(may('create selfsubjectreviews.authentication.k8s.io', ann), true);
    assert.equal(may('create subjectaccessreviews.authorization.k8s.io', ann), false);
    assert.equal(may('get /openid/v1/jwks', ann), false);
    assert.equal(may('get /openid/v1/jwks', { username: 'system:serviceaccount:a:b', groups: ['system:serviceaccounts'] }), true);
  });
  it('lets monitoring scrape and masters do everything', () => {
    assert.equal(may('get /metrics', { username: 'p', groups: ['system:monitoring'] }), true);
    assert.equal(may('delete nodes', { username: 'root', groups: ['system:masters'] }), true);
  });
  it('names every object once, with the label and annotation of its kind', () => {
    for (const list of Object.values(bootstrapPolicy)) {
      const keys = list.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`);
      assert.equal(new Set(keys).size, keys.length);
      for (const { metadata } of list) {
        assert.equal(metadata?.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults');
        assert.equal(metadata?.annotations?.['rbac.authorization.kubernetes.io/autoupdate'], 'true');
      }
    }
  });
  it('binds only to roles that it has', () => {
    const names = new Set(bootstrapPolicy.clusterRoles.map((role) => role.metadata?.name));
    for (const { roleRef } of bootstrapPolicy.clusterRoleBindings) assert.ok(names.has(roleRef.name), roleRef.name);
    const roles = new Set(bootstrapPolicy.roles.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`));
    for (const { metadata, roleRef } of bootstrapPolicy.roleBindings) assert.ok(roles.has(`${metadata?.namespace}/${roleRef.name}`), roleRef.name);
  });
  it('has roles of growing power for people', () => {
    const rules = (name: string): readonly PolicyRule[] => bootstrapPolicy.clusterRoles.find((role) => role.metadata?.name === name)?.rules ?? [];
    assert.deepEqual(missing(rules('edit'), rules('view')), []);
    assert.deepEqual(missing(rules('admin'), rules('edit')), []);
    assert.deepEqual(missing(rules('cluster-admin'), rules('admin')), []);
    assert.equal(
      rules('view').some((candidate) => allows(candidate, ask('get secrets a'))),
      false,
      'who views sees no secrets',
    );
  });
});

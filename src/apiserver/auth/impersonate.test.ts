import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isApiError, type UserInfo } from '#machinery';
import { parseRequest } from '../http/request-info.ts';
import type { Request } from '../http/types.ts';
import type { Attributes, Authorizer } from '../types.ts';
import { impersonate } from './impersonate.ts';

const ann: UserInfo = { username: 'ann', groups: ['system:authenticated'] };
/** `verb group/plural[/subresource] namespace/name` */
const text = ({ verb, group, plural, subresource, namespace, name }: Attributes): string =>
  `${verb} ${group}/${plural}${subresource ? `/${subresource}` : ''} ${namespace}/${name}`;
function run(headers: [string, string][], allowed: readonly string[], user = ann): UserInfo {
  const authorizer: Authorizer = { authorize: (attributes) => ({ allowed: allowed.includes(text(attributes)) }) };
  const request = { headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])), rawHeaders: headers.flat() };
  return impersonate(request as unknown as Request, user, authorizer, parseRequest('GET', '/api/v1/namespaces/a/pods/p'));
}
const as = (username: string, ...more: [string, string][]): [string, string][] => [['Impersonate-User', username], ...more];

describe('impersonation', () => {
  it('needs a permission for each part of the identity', () => {
    const headers = as(
      'bob',
      ['Impersonate-Group', 'devs'],
      ['Impersonate-Group', 'ops'],
      ['Impersonate-Uid', 'u'],
      ['Impersonate-Extra-acme.com%2Fteam', 'red'],
    );
    const all = [
      'impersonate /users /bob',
      'impersonate /groups /devs',
      'impersonate /groups /ops',
      'impersonate authentication.k8s.io/uids /u',
      'impersonate authentication.k8s.io/userextras/acme.com/team /red',
    ];
    assert.deepEqual(run(headers, all), { username: 'bob', uid: 'u', groups: ['devs', 'ops', 'system:authenticated'], extra: { 'acme.com/team': ['red'] } });
    for (const left of all)
      assert.throws(
        () =>
          run(
            headers,
            all.filter((one) => one !== left),
          ),
        (error) => isApiError(error, 'Forbidden'),
        left,
      );
    assert.throws(() => run(headers, []), {
      message: 'users "bob" is forbidden: User "ann" cannot impersonate resource "users" in API group "" at the cluster scope',
    });
  });
  it('of service accounts and of nobody brings their groups', () => {
    const account = as('system:serviceaccount:a:robot');
    assert.deepEqual(run(account, ['impersonate /serviceaccounts a/robot']).groups, [
      'system:serviceaccounts',
      'system:serviceaccounts:a',
      'system:authenticated',
    ]);
    assert.deepEqual(run(as('system:anonymous'), ['impersonate /users /system:anonymous']).groups, ['system:unauthenticated']);
  });
  it('of groups needs a user', () => {
    for (const header of ['Impersonate-Group', 'Impersonate-Uid', 'Impersonate-Extra-x'])
      assert.throws(
        () => run([[header, 'x']], []),
        (error) => isApiError(error, 'BadRequest'),
      );
    assert.equal(run([], []), ann);
  });
});

describe('constrained impersonation', () => {
  const on = (mode: string): string => `impersonate-on:${mode}:get /pods a/p`;
  it('of a user needs the identity and the action', () => {
    const identity = ['impersonate:user-info authentication.k8s.io/users /bob', 'impersonate:user-info authentication.k8s.io/groups /devs'];
    const headers = as('bob', ['Impersonate-Group', 'devs']);
    assert.deepEqual(run(headers, [...identity, on('user-info')]).groups, ['devs', 'system:authenticated']);
    assert.throws(
      () => run(headers, identity),
      (error) => isApiError(error, 'Forbidden'),
    );
    assert.throws(
      () => run(headers, [on('user-info'), ...identity.slice(1)]),
      (error) => isApiError(error, 'Forbidden'),
    );
    assert.throws(
      () => run(headers, [...identity, 'impersonate-on:user-info:list /pods a/p']),
      (error) => isApiError(error, 'Forbidden'),
    );
  });
  it('of a service account is of its name alone', () => {
    const allowed = ['impersonate:serviceaccount authentication.k8s.io/serviceaccounts a/robot', on('serviceaccount')];
    assert.deepEqual(run(as('system:serviceaccount:a:robot'), allowed).groups, ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated']);
    assert.throws(
      () => run(as('system:serviceaccount:a:robot', ['Impersonate-Group', 'devs']), allowed),
      (error) => isApiError(error, 'Forbidden'),
    );
  });
  it('of a node is for those who run on it, or may be any', () => {
    const node = as('system:node:n1');
    const agent: UserInfo = { username: 'system:serviceaccount:a:agent', groups: [], extra: { 'authentication.kubernetes.io/node-name': ['n1'] } };
    const associated = ['impersonate:associated-node authentication.k8s.io/nodes /*', on('associated-node')];
    assert.deepEqual(run(node, associated, agent).groups, ['system:nodes', 'system:authenticated']);
    assert.throws(
      () => run(node, associated),
      (error) => isApiError(error, 'Forbidden'),
      'ann runs on no node',
    );
    assert.throws(
      () => run(as('system:node:n2'), associated, agent),
      (error) => isApiError(error, 'Forbidden'),
    );
    assert.ok(run(node, ['impersonate:arbitrary-node authentication.k8s.io/nodes /n1', on('arbitrary-node')]));
  });
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { refused, refusedUpdate } from '../fixtures/objects.ts';
import { ClusterRole } from './clusterrole.ts';
import { ClusterRoleBinding } from './clusterrolebinding.ts';
import { Role } from './role.ts';
import { RoleBinding } from './rolebinding.ts';

test('rules say verbs, and either resources or paths', () => {
  const rules = (...list: object[]): string[] => refused(Role, (role) => (role.rules = list as never));
  assert.deepEqual(rules({ verbs: [] }), [
    'rules[0].verbs: Required value: verbs must contain at least one value',
    'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    'rules[0].resources: Required value: resource rules must supply at least one resource',
  ]);
  assert.deepEqual(rules({ verbs: ['get'], nonResourceURLs: ['/x'] }), [
    'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
  ]);
  assert.deepEqual(
    refused(ClusterRole, (role) => (role.rules = [{ verbs: ['get'], nonResourceURLs: ['/x'], resources: ['pods'] }])),
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs'],
  );
});

test('an aggregation rule selects something', () => {
  assert.deepEqual(
    refused(ClusterRole, (role) => (role.aggregationRule = {})),
    ['aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil'],
  );
});

test('bindings name a role and subjects of known kinds', () => {
  const group = 'rbac.authorization.k8s.io';
  assert.deepEqual(
    refused(RoleBinding, (binding) => {
      binding.roleRef = { apiGroup: 'x', kind: 'Pod', name: 'a/b' };
      binding.subjects = [
        { kind: 'User', name: '' },
        { kind: 'ServiceAccount', name: 'Bad', apiGroup: 'x' },
        { kind: 'Robot', name: 'r' },
        { kind: 'Group', name: 'g', apiGroup: 'x' },
      ];
    }),
    [
      `roleRef.apiGroup: Unsupported value: "x": supported values: "${group}"`,
      'roleRef.kind: Unsupported value: "Pod": supported values: "Role", "ClusterRole"',
      `roleRef.name: Invalid value: "a/b": may not contain '/'`,
      'subjects[0].name: Required value',
      `subjects[1].name: Invalid value: "Bad": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      'subjects[1].apiGroup: Unsupported value: "x": supported values: ""',
      'subjects[2].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"',
      `subjects[3].apiGroup: Unsupported value: "x": supported values: "${group}"`,
    ],
  );
  assert.deepEqual(
    refused(ClusterRoleBinding, (binding) => (binding.subjects = [{ kind: 'ServiceAccount', name: 'a' }])),
    ['subjects[0].namespace: Required value'],
  );
  assert.deepEqual(
    refusedUpdate(RoleBinding, (binding) => (binding.roleRef = { ...binding.roleRef, name: 'other' })),
    [`roleRef: Invalid value: {"kind":"Role","name":"other","apiGroup":"${group}"}: cannot change roleRef`],
  );
});

test('a wide row lists the subjects by kind', () => {
  const binding = {
    metadata: { name: 'b', creationTimestamp: '2031-01-01T00:00:00Z' },
    roleRef: { kind: 'ClusterRole', name: 'view', apiGroup: 'rbac.authorization.k8s.io' },
    subjects: [
      { kind: 'User', name: 'a' },
      { kind: 'User', name: 'b' },
      { kind: 'ServiceAccount', name: 's', namespace: 'n' },
    ],
  };
  assert.deepEqual(renderTable(RoleBinding, [binding], Date.parse('2031-01-01T00:00:30Z')).rows[0]!.cells, ['b', 'ClusterRole/view', '30s', 'a, b', '', 'n/s']);
  assert.deepEqual(renderTable(Role, [{ metadata: { name: 'r', creationTimestamp: '2031-01-01T00:00:00Z' } }], 0).rows[0]!.cells, [
    'r',
    '2031-01-01T00:00:00Z',
  ]);
});

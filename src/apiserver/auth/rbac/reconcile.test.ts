import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bootstrapPolicy } from './bootstrap/bootstrap.ts';
import { reconciledBinding, reconciledRole } from './reconcile.ts';
import type { Binding, Role } from './types.ts';

const find = (name: string): Role => bootstrapPolicy.clusterRoles.find((role) => role.metadata?.name === name) as Role;
const binding = bootstrapPolicy.clusterRoleBindings.find(({ metadata }) => metadata?.name === 'system:discovery') as Binding;

describe('auto-reconciliation', () => {
  it('leaves what is whole alone', () => {
    for (const role of [...bootstrapPolicy.clusterRoles, ...bootstrapPolicy.roles]) assert.equal(reconciledRole(role, role), undefined);
    for (const one of [...bootstrapPolicy.clusterRoleBindings, ...bootstrapPolicy.roleBindings]) assert.equal(reconciledBinding(one, one), undefined);
  });
  it('gives back what was taken and keeps what was added', () => {
    const wanted = find('system:basic-user');
    const extra = { apiGroups: ['x'], resources: ['y'], verbs: ['get'] };
    const [first, ...others] = wanted.rules ?? [];
    assert.ok(first && others.length > 0);
    const mended = reconciledRole({ ...wanted, rules: [first, extra] }, wanted);
    assert.deepEqual(mended?.rules?.slice(0, 2), [first, extra]);
    assert.deepEqual(mended?.rules?.slice(2), others);
    assert.equal(reconciledRole({ ...wanted, rules: [...(wanted.rules ?? []), extra] }, wanted), undefined);
  });
  it('respects autoupdate: "false"', () => {
    const wanted = find('system:kube-dns');
    const own = { ...wanted, rules: [], metadata: { ...wanted.metadata, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } } };
    assert.equal(reconciledRole(own, wanted), undefined);
    assert.equal(reconciledBinding({ ...binding, metadata: own.metadata, subjects: [] }, binding), undefined);
  });
  it('leaves the rules of aggregated roles to the controller', () => {
    const wanted = find('edit');
    assert.equal(reconciledRole({ ...wanted, rules: [] }, wanted), undefined);
    assert.deepEqual(reconciledRole({ ...wanted, aggregationRule: {} }, wanted)?.aggregationRule, wanted.aggregationRule);
  });
  it('adds missing labels and subjects, and replaces a binding to another role', () => {
    assert.deepEqual(reconciledBinding({ ...binding, subjects: [] }, binding), binding);
    const bare = { ...binding, metadata: { name: 'system:discovery', labels: { own: 'x' } } };
    assert.deepEqual((reconciledBinding(bare, binding) as Binding).metadata?.labels, { own: 'x', 'kubernetes.io/bootstrapping': 'rbac-defaults' });
    assert.equal(reconciledBinding({ ...binding, roleRef: { ...binding.roleRef, name: 'x' } }, binding), 'replace');
  });
});

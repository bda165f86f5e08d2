import assert from 'node:assert/strict';
import { describe as group, it } from 'node:test';
import type { PolicyRule } from '../types.ts';
import { bootstrapPolicy } from './bootstrap.ts';

const rulesOf = (name: string): readonly PolicyRule[] => bootstrapPolicy.clusterRoles.find((role) => role.metadata?.name === name)?.rules ?? [];
/** A rule in one line: verbs, then resources with their groups. */
const line = (rule: PolicyRule): string =>
  [
    rule.verbs.join(),
    rule.nonResourceURLs?.join() ?? `${rule.resources?.join()} of ${rule.apiGroups?.map((name) => name || 'core').join()}`,
    ...(rule.resourceNames ?? []),
  ].join(' ');

group('the rules of 1.36', () => {
  it('let whoever lists watch too, as informers that stream their lists need it', () => {
    for (const { metadata, rules } of bootstrapPolicy.clusterRoles)
      for (const rule of rules ?? []) if (rule.verbs.includes('list')) assert.ok(rule.verbs.includes('watch'), `${metadata?.name}: ${line(rule)}`);
  });

  const cases: Record<string, string[]> = {
    'system:kube-dns': ['list,watch endpoints,services of core'],
    'system:monitoring': ['get /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*', 'get /flagz', 'get /statusz'],
    'system:kubelet-api-admin': [
      'get,list,watch nodes of core',
      'proxy nodes of core',
      '* nodes/log,nodes/metrics,nodes/proxy,nodes/stats of core',
      '* nodes/configz,nodes/healthz,nodes/pods of core',
    ],
    'system:controller:expand-controller': [
      'get,list,patch,update,watch persistentvolumes of core',
      'patch,update persistentvolumeclaims/status of core',
      'get,list,watch persistentvolumeclaims of core',
      'create,patch,update events of core,events.k8s.io',
    ],
    'system:controller:persistent-volume-binder': [
      'create,delete,get,list,update,watch persistentvolumes of core',
      'update persistentvolumes/status of core',
      'get,list,update,watch persistentvolumeclaims of core',
      'update persistentvolumeclaims/status of core',
      'create,delete,get,list,watch pods of core',
      'get,list,watch storageclasses of storage.k8s.io',
      'list,watch nodes of core',
      'create,patch,update events of core,events.k8s.io',
      'watch events of core',
    ],
    'system:controller:pod-garbage-collector': ['delete,list,watch pods of core', 'get,list,watch nodes of core', 'patch pods/status of core'],
  };
  for (const [name, expected] of Object.entries(cases)) it(name, () => assert.deepEqual(rulesOf(name).map(line), expected));

  it('let the scheduler and the claim controller bind devices', () => {
    for (const name of ['system:kube-scheduler', 'system:controller:resource-claim-controller'])
      assert.ok(rulesOf(name).map(line).includes('patch,update resourceclaims/binding of resource.k8s.io'), name);
  });
  it('let nodes read ServiceAccounts, and of ResourceSlices only remove their own', () => {
    const lines = rulesOf('system:node').map(line);
    assert.ok(lines.includes('get serviceaccounts of core'));
    assert.deepEqual(
      lines.filter((text) => text.includes('resourceslices')),
      ['deletecollection resourceslices of resource.k8s.io'],
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClusterRole, type V1ClusterRole } from '#kinds';
import { createWorld } from '../testing/world.ts';
import { clusterRoleAggregationController, gatheredRules } from './aggregation.ts';

const rule = (...resources: string[]) => ({ apiGroups: [''], resources, verbs: ['get'] });
const role = (name: string, labels: Record<string, string>, ...rules: ReturnType<typeof rule>[]): V1ClusterRole => ({ metadata: { name, labels }, rules });
const gathering = (name: string, labels: Record<string, string>, ...selected: Record<string, string>[]): V1ClusterRole => ({
  metadata: { name, labels },
  aggregationRule: { clusterRoleSelectors: selected.map((matchLabels) => ({ matchLabels })) },
  rules: [],
});

describe('aggregated ClusterRoles', () => {
  it('gather by name, each rule once, and never themselves', () => {
    const all = [
      role('b', { x: '1' }, rule('pods')),
      role('a', { x: '1' }, rule('nodes'), rule('pods')),
      role('c', { y: '1' }, rule('secrets')),
      gathering('me', { x: '1' }, { x: '1' }),
    ];
    assert.deepEqual(gatheredRules(gathering('me', {}, { x: '1' }), all), [rule('nodes'), rule('pods')]);
    assert.deepEqual(gatheredRules(gathering('me', {}, { y: '1' }, { x: '1' }), all), [rule('secrets'), rule('nodes'), rule('pods')]);
    assert.deepEqual(gatheredRules(gathering('me', {}, { z: '1' }), all), []);
  });
  it('follow what they gather, through one another', async () => {
    const world = createWorld([clusterRoleAggregationController]);
    world.api.put(ClusterRole, gathering('edit', { admin: '1' }, { edit: '1' }));
    world.api.put(ClusterRole, gathering('admin', {}, { admin: '1' }));
    world.api.put(ClusterRole, role('part', { edit: '1' }, rule('pods')));
    await world.run(2000);
    const rules = (name: string) => world.api.all(ClusterRole).find((other) => other.metadata?.name === name)?.rules;
    assert.deepEqual([rules('edit'), rules('admin')], [[rule('pods')], [rule('pods')]]);
    world.api.edit(ClusterRole, undefined, 'part', (part) => (part.rules = [rule('nodes')]));
    await world.run(2000);
    assert.deepEqual(rules('admin'), [rule('nodes')]);
    world.api.drop(ClusterRole, undefined, 'part');
    await world.run(2000);
    assert.deepEqual(rules('admin'), []);
    world.api.writes.length = 0;
    await world.run(5000);
    assert.deepEqual(world.api.writes, [], 'settled means no more writes');
    await world.stop();
  });
});

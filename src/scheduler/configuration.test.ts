import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import { ClusterState } from './cluster-state.ts';
import { makeProfiles, readConfiguration } from './configuration.ts';
import type { Profile } from './profile.ts';
import { testProfile } from './test-objects.ts';

const head = { apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration' };
function profilesOf(config: object): Profile[] {
  const clock = new FakeClock();
  const api = createFakeApi(clock);
  const client = createClient(api, clock, silentLogger);
  return makeProfiles(readConfiguration({ ...head, ...config }), {
    state: new ClusterState(),
    api,
    clock,
    log: silentLogger,
    random: seededRandom(1),
    informer: (kind) => client.informer(kind),
  });
}
const scoresOf = ({ scores }: Profile): string[] => scores.map(({ plugin, weight }) => `${plugin.name}=${weight}`);
const filtersOf = ({ filters }: Profile): string[] => filters.map((plugin) => plugin.name);

test('an empty configuration is the default', () => {
  const [profile] = profilesOf({});
  assert.ok(profile);
  const usual = testProfile();
  assert.equal(profile.schedulerName, 'default-scheduler');
  assert.deepEqual(scoresOf(profile), scoresOf(usual));
  assert.deepEqual(filtersOf(profile), filtersOf(usual));
  assert.deepEqual(profile.preemption, usual.preemption);
});

test('profiles: weights, plugins that are off, arguments', () => {
  const [usual, packing] = profilesOf({
    percentageOfNodesToScore: 30,
    profiles: [
      {},
      {
        schedulerName: 'packing',
        percentageOfNodesToScore: 100,
        plugins: {
          multiPoint: { enabled: [{ name: 'TaintToleration', weight: 7 }], disabled: [{ name: 'ImageLocality' }] },
          score: { enabled: [{ name: 'NodeResourcesFit', weight: 5 }], disabled: [{ name: 'NodeResourcesBalancedAllocation' }] },
          filter: { disabled: [{ name: 'NodePorts' }] },
          postFilter: { disabled: [{ name: '*' }] },
        },
        pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy: { type: 'MostAllocated' } } }],
      },
    ],
  });
  assert.ok(usual && packing);
  assert.equal(usual.percentageOfNodesToScore, 30);
  assert.equal(packing.percentageOfNodesToScore, 100);
  assert.deepEqual(scoresOf(packing), [
    'TaintToleration=7',
    'NodeAffinity=2',
    'NodeResourcesFit=5',
    'PodTopologySpread=2',
    'InterPodAffinity=2',
    'DynamicResources=1',
  ]);
  assert.ok(filtersOf(usual).includes('NodePorts') && !filtersOf(packing).includes('NodePorts'));
  assert.equal(packing.preemption, undefined);
});

test('`*` turns all off but those that are turned on', () => {
  const [profile] = profilesOf({ profiles: [{ plugins: { score: { disabled: [{ name: '*' }], enabled: [{ name: 'ImageLocality', weight: 2 }] } } }] });
  assert.ok(profile);
  assert.deepEqual(scoresOf(profile), ['ImageLocality=2']);
});

const wrong: [config: unknown, message: RegExp][] = [
  [[], /configuration: must be an object/],
  [{ kind: 'Pod' }, /must be a KubeSchedulerConfiguration/],
  [{ ...head, profile: [] }, /unknown field "profile"/],
  [{ ...head, extenders: [{}] }, /extenders: not implemented/],
  [{ ...head, percentageOfNodesToScore: 101 }, /percentageOfNodesToScore: Invalid value: 101: not in valid range \[0-100\]/],
  [{ ...head, podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 2 }, /podMaxBackoffSeconds: Invalid value: 2/],
  [{ ...head, profiles: [{}, {}] }, /profiles\[1\].schedulerName: Duplicate value: "default-scheduler"/],
  [
    { ...head, profiles: [{ plugins: { score: { enabled: [{ name: 'Nope' }] } } }] },
    /profiles\[0\].plugins.score.enabled\[0\].name: Invalid value: "Nope": there is no such plugin/,
  ],
  [{ ...head, profiles: [{ plugins: { scores: {} } }] }, /unknown field "profiles\[0\].plugins.scores"/],
  [{ ...head, profiles: [{ plugins: { bind: { disabled: [{ name: 'DefaultBinder' }] } } }] }, /at least one bind plugin is needed/],
  [
    { ...head, profiles: [{ pluginConfig: [{ name: 'InterPodAffinity', args: { hardPodAffinityWeight: 101 } }] }] },
    /pluginConfig of InterPodAffinity: args.hardPodAffinityWeight: Invalid value: 101/,
  ],
  [
    {
      ...head,
      profiles: [
        {
          pluginConfig: [
            {
              name: 'PodTopologySpread',
              args: { defaultingType: 'System', defaultConstraints: [{ maxSkew: 1, topologyKey: 'x', whenUnsatisfiable: 'ScheduleAnyway' }] },
            },
          ],
        },
      ],
    },
    /when .defaultConstraints are not empty, use "List"/,
  ],
];
for (const [config, message] of wrong) test(`a configuration that is wrong: ${message.source}`, () => assert.throws(() => profilesOf2(config), message));
function profilesOf2(config: unknown): unknown {
  return Array.isArray(config) || !('apiVersion' in (config as object)) ? readConfiguration(config) : profilesOf(config as object);
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isApiError } from '../errors.ts';
import type { Json, KubeObject, ManagedFieldsEntry } from '../object.ts';
import { applyPatch, type ApplyOptions } from './apply.ts';
import { testSchema } from './test-schema.ts';
import { trackUpdate, userAgentManager, type TrackOptions } from './track.ts';

type Deployment = KubeObject & { spec?: Record<string, Json>; status?: Record<string, Json> };
const now = Date.UTC(2026, 0, 1);
const base = { schema: testSchema, type: 'Deployment', apiVersion: 'apps/v1', now };
const apply = (live: KubeObject | undefined, patch: Json, manager: string, more: Partial<Omit<ApplyOptions, 'versions'>> = {}): Deployment =>
  applyPatch({ ...base, live, patch, manager, ...more }) as Deployment;
const track = (old: KubeObject | undefined, next: KubeObject, manager: string, more: Partial<Omit<TrackOptions, 'versions'>> = {}): KubeObject => {
  const managedFields = trackUpdate({ ...base, old, next, manager, ...more });
  const { managedFields: _old, ...metadata } = next.metadata ?? {};
  return { ...next, metadata: managedFields ? { ...metadata, managedFields } : metadata };
};
const config = (spec: Json, metadata: Json = {}): Json => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', ...(metadata as object) },
  spec,
});
const fields = (object: KubeObject, manager: string): Json | undefined => object.metadata?.managedFields?.find((e) => e.manager === manager)?.fieldsV1;
const template = (...containers: Json[]): Json => ({ spec: { containers } });

test('create tracks every field', () => {
  const created = track(
    undefined,
    config(
      { replicas: 1, template: template({ name: 'app', image: 'x', ports: [{ containerPort: 80 }], args: ['a'] }) },
      { labels: { app: 'web' } },
    ) as KubeObject,
    'kubectl-create',
  );
  assert.deepEqual(created.metadata?.managedFields, [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'apps/v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:replicas': {},
          'f:template': {
            'f:spec': {
              'f:containers': {
                'k:{"name":"app"}': {
                  '.': {},
                  'f:name': {},
                  'f:image': {},
                  'f:args': {},
                  'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
                },
              },
            },
          },
        },
      },
    },
  ]);
});

test('update moves what it changed to its writer and forgets what it removed', () => {
  const created = track(undefined, config({ replicas: 1, paused: true }, { labels: { a: '1', b: '2' } }) as KubeObject, 'alice');
  const updated = track(
    created,
    { ...created, metadata: { ...created.metadata, labels: { a: '9' } }, spec: { replicas: 2, paused: true } } as Deployment,
    'bob',
  );
  assert.deepEqual(fields(updated, 'alice'), { 'f:metadata': { 'f:labels': { '.': {} } }, 'f:spec': { 'f:paused': {} } });
  assert.deepEqual(fields(updated, 'bob'), { 'f:metadata': { 'f:labels': { 'f:a': {} } }, 'f:spec': { 'f:replicas': {} } });
});

test('a write that changes nothing keeps the entries as they are', () => {
  const created = track(undefined, config({ replicas: 1 }) as KubeObject, 'alice');
  assert.equal(trackUpdate({ ...base, old: created, next: structuredClone(created), manager: 'bob' })?.[0]?.time, '2026-01-01T00:00:00Z');
  assert.equal(trackUpdate({ ...base, old: created, next: created, manager: 'bob' }), created.metadata?.managedFields);
});

test('status writes have an entry of their own', () => {
  const created = track(undefined, config({ replicas: 1 }) as KubeObject, 'alice');
  const next = { ...created, status: { replicas: 1, conditions: [{ type: 'Ready', status: 'True' }] } } as Deployment;
  const updated = track(created, next, 'controller', { subresource: 'status' });
  assert.deepEqual(
    updated.metadata?.managedFields?.map((e) => [e.manager, e.subresource]),
    [
      ['alice', undefined],
      ['controller', 'status'],
    ],
  );
  assert.deepEqual(fields(updated, 'controller'), {
    'f:status': { 'f:replicas': {}, 'f:conditions': { '.': {}, 'k:{"type":"Ready"}': { '.': {}, 'f:type': {}, 'f:status': {} } } },
  });
});

test('untracked objects stay untracked; [{}] clears the entries', () => {
  assert.equal(trackUpdate({ ...base, old: config({ replicas: 1 }) as KubeObject, next: config({ replicas: 2 }) as KubeObject, manager: 'm' }), undefined);
  const created = track(undefined, config({ replicas: 1 }) as KubeObject, 'alice');
  assert.equal(trackUpdate({ ...base, old: created, next: { ...created, metadata: { ...created.metadata, managedFields: [{}] } }, manager: 'm' }), undefined);
});

test('more than ten updaters: the oldest are joined', () => {
  let object = track(undefined, config({ replicas: 0 }) as KubeObject, 'm0');
  for (let i = 1; i < 15; i++)
    object = track(object, { ...object, spec: { ...(object as Deployment).spec, [`x${i}`]: i } } as Deployment, `m${i}`, { now: now + i * 1000 });
  const managers = object.metadata?.managedFields?.map((e) => e.manager) ?? [];
  assert.equal(managers.length, 10);
  assert.ok(managers.includes('ancient-changes') && managers.includes('m14'));
});

test('apply creates, and applying again changes nothing', () => {
  const patch = config({ replicas: 3, template: template({ name: 'app', image: 'x' }) });
  const one = apply(undefined, patch, 'me');
  assert.equal(one.spec?.replicas, 3);
  assert.deepEqual(fields(one, 'me'), {
    'f:spec': { 'f:replicas': {}, 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:name': {}, 'f:image': {} } } } } },
  });
  const two = apply(one, patch, 'me', { now: now + 60_000 });
  assert.deepEqual(two, one);
});

test('a conflict names manager, version and field', () => {
  const live = track(undefined, config({ replicas: 3 }) as KubeObject, 'kubectl-client-side-apply');
  assert.throws(
    () => apply(live, config({ replicas: 5 }), 'me'),
    (e) =>
      isApiError(e, 'Conflict') &&
      e.message === 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas' &&
      assert.deepEqual(e.details?.causes, [
        { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using apps/v1', field: '.spec.replicas' },
      ]) === undefined,
  );
});

test('several conflicts are listed per manager', () => {
  let live = track(undefined, config({ replicas: 3, template: template({ name: 'app', image: 'x' }) }) as KubeObject, 'alice');
  live = apply(live, config({ paused: true }), 'carol');
  assert.throws(() => apply(live, config({ replicas: 5, paused: false, template: template({ name: 'app', image: 'y' }) }), 'me'), {
    message:
      'Apply failed with 3 conflicts: conflicts with "alice" using apps/v1:\n- .spec.replicas\n- .spec.template.spec.containers[name="app"].image\nconflicts with "carol":\n- .spec.paused',
  });
});

test('force takes the fields; equal values are shared without conflict', () => {
  const live = track(undefined, config({ replicas: 3, paused: true }) as KubeObject, 'alice');
  const forced = apply(live, config({ replicas: 5 }), 'me', { force: true });
  assert.equal(forced.spec?.replicas, 5);
  assert.deepEqual(fields(forced, 'alice'), { 'f:spec': { 'f:paused': {} } });
  const shared = apply(forced, config({ replicas: 5 }), 'other');
  assert.deepEqual(fields(shared, 'other'), fields(shared, 'me'));
});

test('what an applier stops listing goes, unless another owns it', () => {
  let live = apply(
    undefined,
    config({ replicas: 3, paused: true, template: template({ name: 'a', image: '1' }, { name: 'b', image: '1' }) }, { labels: { x: '1', y: '1' } }),
    'one',
  );
  live = apply(live, config({ replicas: 3, template: template({ name: 'b', image: '1' }) }), 'two');
  live = apply(live, config({ template: template() }, { labels: { y: '1' } }), 'one');
  assert.deepEqual(live.spec, { replicas: 3, template: { spec: { containers: [{ name: 'b', image: '1' }] } } });
  assert.deepEqual(live.metadata?.labels, { y: '1' });
});

test('removing the last field of an applier removes its entry and the fields', () => {
  let live = apply(undefined, config({ replicas: 1, paused: true }), 'one');
  live = apply(live, config({ replicas: 1 }), 'two');
  live = apply(live, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' } }, 'one');
  assert.deepEqual(live.spec, { replicas: 1 });
  assert.deepEqual(
    live.metadata?.managedFields?.map((e) => e.manager),
    ['two'],
  );
});

test('lists merge by key in both orders; atomic values are replaced whole', () => {
  const live = track(
    undefined,
    config({ selector: { matchLabels: { a: '1', b: '1' } }, template: template({ name: 'a' }, { name: 'side' }, { name: 'b' }) }) as KubeObject,
    'alice',
  );
  const next = apply(
    live,
    config({ selector: { matchLabels: { c: '1' } }, template: template({ name: 'b', image: 'x' }, { name: 'new' }, { name: 'a', image: 'y' }) }),
    'me',
    { force: true },
  );
  assert.deepEqual(next.spec?.selector, { matchLabels: { c: '1' } });
  const names = ((next.spec as { template: { spec: { containers: { name: string }[] } } }).template.spec.containers ?? []).map((c) => c.name);
  assert.deepEqual([...names].sort(), ['a', 'b', 'new', 'side']);
  assert.ok(names.indexOf('b') < names.indexOf('new') && names.indexOf('new') < names.indexOf('a'));
});

test('malformed configurations are refused', () => {
  assert.throws(() => apply(undefined, config({}, { managedFields: [{ manager: 'x' }] }), 'me'), { message: 'metadata.managedFields must be nil' });
  assert.throws(() => apply(undefined, config({ template: template({ name: 'a' }, { name: 'a' }) }), 'me'), /duplicate entries for key \[name="a"\]/);
  assert.throws(() => apply(undefined, config({ template: template({ image: 'a' }) }), 'me'), /omits key field "name"/);
});

test('kubectl may take over what its client-side annotation lists', () => {
  const manifest = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { replicas: 3 } };
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration';
  const live = track(
    undefined,
    config({ replicas: 3, paused: true }, { annotations: { [annotation]: JSON.stringify(manifest) } }) as KubeObject,
    'kubectl-client-side-apply',
  );
  const next = apply(live, config({ replicas: 5 }), 'kubectl');
  assert.equal(next.spec?.replicas, 5);
  assert.match(next.metadata?.annotations?.[annotation] ?? '', /"replicas":5/);
  assert.throws(() => apply(live, config({ paused: false }), 'kubectl'), /\.spec\.paused/);
});

test('the first apply to an untracked object sees its fields as set before', () => {
  const live = config({ replicas: 1, paused: true }) as KubeObject;
  assert.throws(() => apply(live, config({ replicas: 2 }), 'me'), {
    message: 'Apply failed with 1 conflict: conflict with "before-first-apply" using apps/v1: .spec.replicas',
  });
  const next = apply(live, config({ replicas: 1 }), 'me');
  assert.deepEqual(
    next.metadata?.managedFields?.map((e) => e.manager),
    ['me', 'before-first-apply'],
  );
});

test('kinds without a schema: maps granular, lists atomic', () => {
  const custom = (spec: Json): Json => ({ apiVersion: 'x.io/v1', kind: 'Thing', metadata: { name: 'a' }, spec });
  const one = apply(undefined, custom({ m: { a: 1 }, l: [1, 2] }), 'one', { type: undefined });
  const two = apply(one, custom({ m: { b: 2 } }), 'two', { type: undefined });
  assert.deepEqual(two.spec, { m: { a: 1, b: 2 }, l: [1, 2] });
  assert.throws(() => apply(two, custom({ l: [3] }), 'two', { type: undefined }), /: \.spec\.l$/);
});

test('the manager of a user agent', () => {
  assert.equal(userAgentManager('kubectl/v1.36.0 (linux/amd64)'), 'kubectl');
  assert.equal(userAgentManager(undefined), 'unknown');
});

// ---- properties ----

const containerArb = fc.record(
  {
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    image: fc.constantFrom('1', '2'),
    env: fc.uniqueArray(fc.record({ name: fc.constantFrom('X', 'Y'), value: fc.constantFrom('1', '2') }), { selector: (e) => e.name, maxLength: 2 }),
  },
  { requiredKeys: ['name'] },
);
const specArb = fc.record(
  {
    replicas: fc.nat(3),
    paused: fc.boolean(),
    template: fc.uniqueArray(containerArb, { selector: (c) => c.name, maxLength: 3 }).map((list) => template(...(list as Json[]))),
  },
  { requiredKeys: [] },
);
const labelsArb = fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.constantFrom('1', '2'));
const configArb = fc.tuple(specArb, labelsArb).map(([spec, labels]) => config(spec as Json, { labels }));

/** Order of members of associative lists may differ: compared as maps. */
function normal(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(normal);
    return items.every((i) => i !== null && typeof i === 'object' && 'name' in i)
      ? items.sort((a, b) => ((a as { name: string }).name < (b as { name: string }).name ? -1 : 1))
      : items;
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, normal(v)]),
  );
}

test('property: apply is idempotent, whatever was there', () => {
  fc.assert(
    fc.property(configArb, configArb, configArb, (first, second, mine) => {
      let live = apply(undefined, first, 'x', { force: true });
      live = apply(live, second, 'y', { force: true });
      const once = apply(live, mine, 'me', { force: true });
      assert.deepEqual(apply(once, mine, 'me'), once);
    }),
    { numRuns: 300 },
  );
});

test('property: managers with disjoint fields commute', () => {
  const left = specArb.map((spec) => config({ ...(spec as object), template: undefined } as unknown as Json));
  const right = fc
    .tuple(fc.uniqueArray(containerArb, { selector: (c) => c.name, maxLength: 3 }), labelsArb)
    .map(([list, labels]) => config({ template: template(...(list as Json[])) }, { labels }));
  fc.assert(
    fc.property(left, right, (a, b) => {
      const clean = (v: Json): Json => JSON.parse(JSON.stringify(v)) as Json;
      const ab = apply(apply(undefined, clean(a), 'a'), clean(b), 'b');
      const ba = apply(apply(undefined, clean(b), 'b'), clean(a), 'a');
      assert.deepEqual(normal(ab), normal(ba));
    }),
    { numRuns: 300 },
  );
});

test('property: an applier that withdraws everything leaves what the others applied', () => {
  fc.assert(
    fc.property(configArb, configArb, (a, b) => {
      const alone = apply(undefined, a, 'a');
      const both = apply(alone, b, 'b', { force: true });
      const after = apply(both, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' } }, 'b');
      assert.ok(!after.metadata?.managedFields?.some((e) => e.manager === 'b'));
      // Fields that only b owned are gone: what is left is owned by a.
      const again = apply(undefined, JSON.parse(JSON.stringify({ ...after, metadata: { ...after.metadata, managedFields: undefined } })) as Json, 'a');
      const owned = (o: KubeObject): ManagedFieldsEntry | undefined => o.metadata?.managedFields?.[0];
      assert.deepEqual(normal(owned(again)?.fieldsV1 ?? {}), normal(owned(after)?.fieldsV1 ?? {}));
    }),
    { numRuns: 300 },
  );
});

test('a field that the type does not have is refused, whatever fieldValidation says', () => {
  const closed = { ...testSchema, closed: (type: string) => type === 'Deployment' || type === 'DeploymentSpec' };
  const patch = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 1, foo: 'x' } };
  assert.throws(
    () => apply(undefined, patch, 'me', { schema: closed }),
    (error) =>
      isApiError(error) &&
      error.code === 500 &&
      !('reason' in error.status) &&
      error.message === 'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema',
  );
  assert.throws(() => apply(undefined, { ...patch, spec: [] }, 'me', { schema: closed }), /: \.spec: expected map, got &\{\[\]\}/);
  assert.throws(
    () => apply(undefined, { ...patch, apiVersion: 'v1', spec: {}, bar: 1, baz: 2 }, 'me', { schema: closed, apiVersion: 'v1' }),
    /\(default\/web; \/v1, Kind=Deployment\): errors:\n {2}\.bar: field not declared in schema\n {2}\.baz: field not declared in schema$/,
  );
});

test('duplicates in a stored list survive the apply of someone who does not name them', () => {
  const env = [
    { name: 'A', value: '1' },
    { name: 'A', value: '2' },
    { name: 'B', value: '3' },
  ];
  const live = track(undefined, config({ template: template({ name: 'app', env }) }) as KubeObject, 'alice');
  const envOf = ({ spec = {} }: Deployment): Json => (spec['template'] as { spec: { containers: { env: Json }[] } }).spec.containers[0]?.env ?? null;
  const applied = apply(live, config({ template: template({ name: 'app', env: [{ name: 'C', value: '4' }] }) }), 'bob');
  assert.deepEqual(envOf(applied), [...env, { name: 'C', value: '4' }]);
  const taken = apply(live, config({ template: template({ name: 'app', env: [{ name: 'A', value: '9' }] }) }), 'bob', { force: true });
  assert.deepEqual(envOf(taken), [{ name: 'A', value: '9' }, env[2]]);
});

test('giving up all of metadata that was applied leaves the identity', () => {
  const live = apply(undefined, config({ replicas: 1 }, { labels: { a: 'b' } }), 'me');
  const applied = apply(live, config({ replicas: 1 }), 'me');
  assert.equal(applied.metadata?.name, 'web');
  assert.equal(applied.metadata?.namespace, 'default');
  assert.equal(applied.metadata?.labels, undefined);
});

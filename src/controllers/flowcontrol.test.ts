import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  defaultFlowSchemas,
  defaultPriorityLevels,
  FlowSchema,
  PriorityLevelConfiguration,
  type V1FlowSchema,
  type V1PriorityLevelConfiguration,
} from '#kinds';
import { flowControlController } from './flowcontrol.ts';
import { createWorld, type World } from './testing/world.ts';

describe('flow control controller', () => {
  let world: World;
  before(async () => {
    world = createWorld([flowControlController]);
    await world.run();
  });
  after(() => world.stop());
  const schema = (name: string): V1FlowSchema | undefined => world.api.all(FlowSchema).find((one) => one.metadata?.name === name);
  const level = (name: string): V1PriorityLevelConfiguration | undefined =>
    world.api.all(PriorityLevelConfiguration).find((one) => one.metadata?.name === name);
  const dangling = (name: string): unknown => schema(name)?.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]);

  it('makes what there should be, and tells that no level is missing', () => {
    assert.equal(world.api.all(PriorityLevelConfiguration).length, defaultPriorityLevels.length);
    assert.equal(world.api.all(FlowSchema).length, defaultFlowSchemas.length);
    for (const { metadata } of defaultFlowSchemas) assert.deepEqual(dangling(metadata?.name ?? ''), [['Dangling', 'False', 'Found']]);
    assert.equal(
      schema('probes')?.status?.conditions?.[0]?.message,
      'This FlowSchema references the PriorityLevelConfiguration object named "exempt" and it exists',
    );
  });

  it('restores what is kept, and leaves alone what somebody took over', async () => {
    const shares = (name: string): unknown => level(name)?.spec?.limited?.nominalConcurrencyShares;
    const change = (name: string, annotation?: string): void =>
      void world.api.edit(PriorityLevelConfiguration, undefined, name, (object) => {
        if (annotation !== undefined) object.metadata = { ...object.metadata, annotations: { 'apf.kubernetes.io/autoupdate-spec': annotation } };
        if (object.spec?.limited) object.spec.limited.nominalConcurrencyShares = 7;
      });
    change('catch-all', 'false');
    change('system');
    change('workload-low', 'false');
    await world.run();
    assert.equal(shares('catch-all'), 5, 'mandatory');
    assert.equal(shares('system'), 30, 'kept');
    assert.equal(shares('workload-low'), 7, 'taken over');
    world.api.drop(PriorityLevelConfiguration, undefined, 'node-high');
    await world.run();
    assert.equal(shares('node-high'), 40, 'there again');
    assert.deepEqual(dangling('system-node-high'), [['Dangling', 'False', 'Found']]);
  });

  it('tells when a level is missing, and when it is there', async () => {
    const spec = { priorityLevelConfiguration: { name: 'mine' }, matchingPrecedence: 5, rules: [] };
    await world.client.api.create(FlowSchema, { metadata: { name: 'mine' }, spec });
    await world.run();
    assert.deepEqual(dangling('mine'), [['Dangling', 'True', 'NotFound']]);
    const settled = world.api.all(FlowSchema).map((one) => one.metadata?.resourceVersion);
    await world.run(1000);
    assert.deepEqual(
      world.api.all(FlowSchema).map((one) => one.metadata?.resourceVersion),
      settled,
      'settled means no more writes',
    );
    await world.client.api.create(PriorityLevelConfiguration, {
      metadata: { name: 'mine' },
      spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
    });
    await world.run();
    assert.deepEqual(dangling('mine'), [['Dangling', 'False', 'Found']]);
  });
});

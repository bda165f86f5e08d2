import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { eventually, useCluster, type Output } from './harness.ts';

/** A definition of `gauges.test.example.com` whose spec has this schema. */
const definition = (spec: object, columns: object[] = []): string =>
  JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gauges.test.example.com' },
    spec: {
      group: 'test.example.com',
      names: { plural: 'gauges', singular: 'gauge', kind: 'Gauge', listKind: 'GaugeList' },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } } },
          additionalPrinterColumns: columns,
        },
      ],
    },
  });
const gauge = (name: string, spec: object): string => JSON.stringify({ apiVersion: 'test.example.com/v1', kind: 'Gauge', metadata: { name }, spec });

const spec = {
  type: 'object',
  required: ['min'],
  properties: {
    min: { type: 'integer', minimum: 0 },
    max: { type: 'integer', default: 10 },
    unit: { type: 'string', enum: ['m', 's'], default: 's' },
    at: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', maxItems: 5, items: { type: 'string', maxLength: 10 }, 'x-kubernetes-list-type': 'set' },
    ports: {
      type: 'array',
      maxItems: 5,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string', maxLength: 10 }, port: { type: 'integer' } },
        'x-kubernetes-validations': [{ rule: '!has(oldSelf.port) || self.port >= oldSelf.port', message: 'ports only grow' }],
      },
    },
  },
  'x-kubernetes-validations': [
    { rule: 'self.min <= self.max', messageExpression: '"min %d is over max %d".format([self.min, self.max])', fieldPath: '.min' },
    { rule: 'self.unit == oldSelf.unit', message: 'the unit stays', reason: 'FieldValueForbidden' },
  ],
};

describe('schemas and rules of custom resources, with kubectl', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
  const apply = (input: string, ...more: string[]): Promise<Output> => my.cluster.tryKubectl(['apply', '-f', '-', ...more], { input });
  const refused = async (input: string, ...texts: string[]): Promise<void> => {
    const { code, err } = await apply(input);
    assert.notEqual(code, 0, 'kubectl apply should have failed');
    for (const text of texts) assert.ok(err.includes(text), `${err}\nlacks ${text}`);
  };
  const works = async (input: string, ...more: string[]): Promise<string> => {
    const { code, err, out } = await apply(input, ...more);
    assert.equal(code, 0, err);
    return out;
  };

  test('definitions with rules that do not compile or cost too much are refused', async () => {
    await refused(
      definition({ ...spec, 'x-kubernetes-validations': [{ rule: 'self.nope == 1' }] }),
      'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: apiextensions.ValidationRule{Rule:"self.nope == 1"',
      "compilation failed: ERROR: <input>:1:5: undefined field 'nope'",
    );
    await refused(
      definition({ type: 'array', items: { type: 'string' }, 'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, a != b))' }] }),
      'estimated rule cost exceeds budget by factor of more than 100x',
    );
    await refused(definition({ type: 'object', properties: { a: {} } }), 'properties[a].type: Required value: must not be empty for specified object fields');
  });

  describe('objects', () => {
    before(async () => {
      await works(
        definition(spec, [
          { name: 'Max', type: 'integer', jsonPath: '.spec.max' },
          { name: 'Ports', type: 'string', jsonPath: '.spec.ports[*].name' },
        ]),
      );
      await eventually('the kind is served', async () => (await my.cluster.tryKubectl(['get', 'gauges'])).code === 0);
    });

    test('are defaulted, pruned and printed', async () => {
      await works(gauge('a', { min: 1, at: '5%', ports: [{ name: 'x', port: 1 }, { name: 'y' }] }));
      const { spec: stored } = await my.cluster.json<{ spec: object }>('get', 'gauge', 'a');
      assert.deepEqual(stored, { min: 1, at: '5%', max: 10, unit: 's', ports: [{ name: 'x', port: 1 }, { name: 'y' }] });
      assert.match(await my.cluster.kubectl('get', 'gauge', 'a'), /NAME +MAX +PORTS\na +10 +x y/);
      await refused(gauge('b', { min: 1, nope: 1 }), 'unknown field "spec.nope"');
    });
    test('are refused with the words of the schema', async () => {
      await refused(
        gauge('bad', { min: -1, unit: 'x', tags: ['a', 'a'] }),
        'spec.min: Invalid value: -1: spec.min in body should be greater than or equal to 0',
        'spec.unit: Unsupported value: "x": supported values: "m", "s"',
        'spec.tags[1]: Duplicate value: "a"',
      );
      await refused(gauge('bad', {}), 'spec.min: Required value');
    });
    test('are refused with the words of the rules', async () => {
      await refused(gauge('bad', { min: 20 }), 'The Gauge "bad" is invalid: spec.min: Invalid value: "object": min 20 is over max 10');
      await works(gauge('c', { min: 1, ports: [{ name: 'x', port: 5 }] }));
      await refused(
        gauge('c', { min: 1, unit: 'm', ports: [{ name: 'x', port: 4 }] }),
        'spec: Forbidden: the unit stays',
        'spec.ports[0]: Invalid value: "object": ports only grow',
      );
    });
    test('may keep a fault that was no fault before', async () => {
      await works(gauge('old', { min: 1, tags: ['longtag'] }));
      await works(definition({ ...spec, properties: { ...spec.properties, tags: { ...spec.properties.tags, items: { type: 'string', maxLength: 3 } } } }));
      await eventually('the new schema is in force', async () => (await apply(gauge('new', { min: 1, tags: ['longtag'] }), '--dry-run=server')).code !== 0);
      await works(gauge('old', { min: 2, tags: ['longtag'] }));
      await refused(gauge('old', { min: 2, tags: ['longtag', 'longer'] }), 'spec.tags[1]: Too long: may not be more than 3 bytes');
    });
    test('two appliers own their items of a list of type map', async () => {
      await works(gauge('shared', { min: 1, ports: [{ name: 'x', port: 1 }] }), '--server-side', '--field-manager=one');
      await works(gauge('shared', { min: 1, ports: [{ name: 'y', port: 2 }] }), '--server-side', '--field-manager=two');
      const { spec: stored } = await my.cluster.json<{ spec: { ports: { name: string }[] } }>('get', 'gauge', 'shared');
      assert.deepEqual(new Set(stored.ports.map((port) => port.name)), new Set(['x', 'y']));
    });
    test('kubectl explain knows the fields', async () => assert.match(await my.cluster.kubectl('explain', 'gauge.spec.ports'), /port\s+<integer>/));
  });
});

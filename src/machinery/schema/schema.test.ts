import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalQuantity, createSchemaSet, decode, decodeObject, defineKind, isApiError, parseJsonStrict, parseYaml } from '#machinery';

const schemas = createSchemaSet(
  {
    V1Thing: { apiVersion: 's', kind: 's', metadata: 'V1Meta', spec: 'V1ThingSpec', raw: 'j' },
    V1Meta: { name: 's', labels: 's{}' },
    V1ThingSpec: {
      replicas: 'i',
      big: 'l',
      ratio: 'n',
      on: 'b',
      port: 'o',
      parts: 'V1Part[]',
      must: '!s[]',
      byName: 'V1Part{}',
      extra: 's[]{}',
      limits: 'q{}',
      at: 't',
      moment: 'u',
      blob: 'y',
      text: 's',
      keep: 's',
      child: 'V1ThingSpec',
    },
    V1Part: { name: '!s', size: 'i' },
  },
  { atomicTypes: ['V1Part'], fields: { 'V1ThingSpec.keep': { pointer: true }, 'V1ThingSpec.parts': { listType: 'map', listMapKeys: ['name'] } } },
);
const Thing = defineKind({ group: '', version: 'v1', kind: 'Thing', plural: 'things', namespaced: true, schema: 'V1Thing' });
const spec = (value: object): { value: unknown; error: string | undefined } => {
  const decoded = decode(schemas, 'V1Thing', { spec: value });
  return { value: (decoded.value as { spec: unknown }).spec, error: decoded.error };
};

test('fields carry their facts', () => {
  const { fields } = schemas.type('V1ThingSpec');
  assert.deepEqual([fields['parts']!.type, fields['parts']!.array, fields['parts']!.listType, fields['parts']!.listMapKeys], ['V1Part', true, 'map', ['name']]);
  assert.deepEqual([fields['must']!.required, fields['must']!.listType, fields['must']!.scalar], [true, 'atomic', 'string']);
  assert.equal(fields['toString'], undefined);
  assert.equal(schemas.type('V1Part').atomic, true);
  assert.throws(() => schemas.type('V1None'), /no type V1None/);
});

test('unknown fields are pruned and named', () => {
  const { value, unknown } = decode(
    schemas,
    'V1Thing',
    { a: 1, spec: { b: 2, parts: [{ name: 'x' }, { name: 'y', c: 3 }], byName: { k: { d: 4, name: 'z' } }, child: { e: 5 } } },
    'Strict',
  );
  assert.deepEqual(unknown, ['a', 'spec.b', 'spec.parts[1].c', 'spec.byName.k.d', 'spec.child.e']);
  assert.deepEqual(value, { spec: { parts: [{ name: 'x' }, { name: 'y' }], byName: { k: { name: 'z' } }, child: {} } });
  assert.deepEqual(decode(schemas, 'V1Thing', { a: 1 }, 'Ignore').unknown, []);
  assert.deepEqual(decode(schemas, 'V1Thing', JSON.parse('{"__proto__":{"x":1},"constructor":1}'), 'Strict').unknown, ['__proto__', 'constructor']);
});

test('nulls and empty optional values go, as Go would have it', () => {
  assert.deepEqual(spec({ replicas: null, parts: [], byName: {}, text: '', keep: '', must: [], child: null }).value, { keep: '', must: [] });
  assert.deepEqual(spec({ parts: [null], extra: { a: null }, must: [null] }).value, { parts: [{}], extra: { a: [] }, must: [''] });
});

test('raw values are kept whatever they are', () => {
  assert.deepEqual(decode(schemas, 'V1Thing', { raw: { any: [null, { x: '' }] } }, 'Strict').value, { raw: { any: [null, { x: '' }] } });
});

test('wrong types, in the words of the Go decoder', () => {
  const cases: [object, string][] = [
    [{ replicas: '3' }, 'json: cannot unmarshal string into Go struct field ThingSpec.spec.replicas of type int32'],
    [{ replicas: 1.5 }, 'json: cannot unmarshal number 1.5 into Go struct field ThingSpec.spec.replicas of type int32'],
    [{ replicas: 3e9 }, 'json: cannot unmarshal number 3000000000 into Go struct field ThingSpec.spec.replicas of type int32'],
    [{ on: 'yes' }, 'json: cannot unmarshal string into Go struct field ThingSpec.spec.on of type bool'],
    [{ text: 5 }, 'json: cannot unmarshal number into Go struct field ThingSpec.spec.text of type string'],
    [{ text: true }, 'json: cannot unmarshal bool into Go struct field ThingSpec.spec.text of type string'],
    [{ parts: {} }, 'json: cannot unmarshal object into Go struct field ThingSpec.spec.parts of type []v1.Part'],
    [{ parts: ['x'] }, 'json: cannot unmarshal string into Go struct field ThingSpec.spec.parts of type v1.Part'],
    [{ parts: [{ size: 'x' }] }, 'json: cannot unmarshal string into Go struct field Part.spec.parts.size of type int32'],
    [{ child: [] }, 'json: cannot unmarshal array into Go struct field ThingSpec.spec.child of type v1.ThingSpec'],
    [{ limits: 'x' }, 'json: cannot unmarshal string into Go struct field ThingSpec.spec.limits of type map[string]string'],
    [{ limits: { cpu: 'lots' } }, String.raw`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`],
    [{ at: 'noon' }, 'parsing time "noon" as "2006-01-02T15:04:05Z07:00": cannot parse "noon" as "2006"'],
    [{ blob: '%%%%' }, 'illegal base64 data at input byte 0'],
  ];
  for (const [value, text] of cases) assert.equal(spec(value).error, text, JSON.stringify(value));
  assert.equal(spec({ port: 80, big: 2 ** 40, ratio: 0.5, at: '2026-01-01T00:00:00Z', blob: 'eA==' }).error, undefined);
});

test('quantities are normalised like resource.Quantity', () => {
  const cases = {
    1: '1',
    '0.1': '100m',
    '1000m': '1',
    1000: '1k',
    1500: '1500',
    '1024Mi': '1Gi',
    '1.5Gi': '1536Mi',
    '0Mi': '0',
    '.5': '500m',
    '1e3': '1e3',
    '+5': '5',
    '0.0001': '100u',
    '100Mi': '100Mi',
  };
  for (const [text, canonical] of Object.entries(cases)) assert.equal(canonicalQuantity(text), canonical, text);
  assert.deepEqual(spec({ limits: { cpu: 0.5 } }).value, { limits: { cpu: '500m' } });
  assert.equal(canonicalQuantity('1Q'), undefined);
});

test('decodeObject refuses with the text of the server', () => {
  const refused = (mode: 'Warn' | 'Strict', value: unknown, duplicates: string[] = []): string => {
    try {
      return decodeObject(schemas, Thing, value, { mode, duplicates }).warnings.join('; ');
    } catch (error) {
      assert.ok(isApiError(error, 'BadRequest'));
      return error.message;
    }
  };
  assert.equal(
    refused('Strict', { spec: { replica: 1 } }, ['spec.text']),
    'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.replica", duplicate field "spec.text"',
  );
  assert.equal(refused('Warn', { spec: { replica: 1 } }, ['spec.text']), 'unknown field "spec.replica"; duplicate field "spec.text"');
  assert.equal(
    refused('Warn', { metadata: { labels: { a: 1 } } }),
    'Thing in version "v1" cannot be handled as a Thing: json: cannot unmarshal number into Go struct field Meta.metadata.labels of type string',
  );
  assert.equal(refused('Warn', []), 'Thing in version "v1" cannot be handled as a Thing: json: cannot unmarshal array into Go value of type v1.Thing');
});

test('duplicate fields are found with their paths', () => {
  assert.deepEqual(parseJsonStrict('{"a":1,"b":{"a":2}}').duplicates, []);
  assert.deepEqual(parseJsonStrict('{"a":"x\\":","b":[{"c":1},{"c":2,"c":{"d":1, "d" :2}}],"a":2}').duplicates, ['b[1].c', 'b[1].c.d', 'a']);
  assert.deepEqual(parseJsonStrict(String.raw`{"a\\":1,"a\\":2,"k":"\\"}`).duplicates, ['a\\']);
  assert.throws(
    () => parseJsonStrict('{"a":'),
    (error) => isApiError(error, 'BadRequest'),
  );
});

test('YAML as the Go server reads it', async () => {
  assert.deepEqual((await parseYaml('a: yes\nd: 2020-01-01\nt: 1:30\nl: [1, "2"]\nz: ~\nm: 0644\n')).value, {
    a: true,
    d: '2020-01-01',
    t: '1:30',
    l: [1, '2'],
    z: null,
    m: 420,
  });
  assert.deepEqual((await parseYaml('{"a": 1, "a": 2}')).duplicates, ['a']);
  const twice = await parseYaml('a: 1\nb:\n  c: 1\n  c: 2\na: 2');
  assert.deepEqual(twice.value, { a: 2, b: { c: 2 } });
  assert.deepEqual(twice.strict, [
    'error converting YAML to JSON: yaml: unmarshal errors:\n  line 5: key "a" already set in map\n  line 4: key "c" already set in map',
  ]);
  await assert.rejects(parseYaml('['.repeat(100_000)), (error) => isApiError(error, 'BadRequest'));
  assert.throws(() => parseJsonStrict(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), /exceeded max depth/);
  await assert.rejects(parseYaml('a: [1'), (error) => isApiError(error, 'BadRequest'));
});

test('times come out in UTC with whole seconds, whatever the client sent', () => {
  for (const [given, kept] of [
    ['2026-11-23T15:11:25Z', '2026-11-23T15:11:25Z'],
    ['2026-11-23T15:11:25.000Z', '2026-11-23T15:11:25Z'],
    ['2026-11-23T15:11:25.999Z', '2026-11-23T15:11:25Z'],
    ['2026-11-23T16:41:25+01:30', '2026-11-23T15:11:25Z'],
  ])
    assert.deepEqual(spec({ at: given }), { value: { at: kept }, error: undefined });
  assert.deepEqual(spec({ moment: '2026-11-23T15:11:25.12Z' }).value, { moment: '2026-11-23T15:11:25.120000Z' });
  assert.deepEqual(spec({ moment: '2026-11-23T16:11:25.1234567+01:00' }).value, { moment: '2026-11-23T15:11:25.123456Z' });
  assert.deepEqual(spec({ moment: '2026-11-23T15:11:25Z' }).value, { moment: '2026-11-23T15:11:25.000000Z' });
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { applyPatch } from '../apply/apply.ts';
import type { Json, KubeObject } from '../object.ts';
import { compileStructural, type JSONSchemaProps } from './index.ts';

const spec: JSONSchemaProps = {
  type: 'object',
  properties: {
    set: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
    atomicList: { type: 'array', items: { type: 'string' } },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['port', 'protocol'],
      items: {
        type: 'object',
        required: ['port'],
        properties: {
          port: { type: 'integer' },
          protocol: { type: 'string', default: 'UDP' },
          name: { type: 'string' },
          tags: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
    },
    selector: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: { type: 'string' } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    deep: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        additionalProperties: { type: 'object', properties: { a: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' } } },
      },
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
};
const type = compileStructural({ type: 'object', properties: { spec } }, { group: 'example.com', version: 'v1', kind: 'Widget' });
const { patchSchema } = type;

test('views of fields', () => {
  const root = patchSchema.field(type.patchType, 'spec')?.type ?? '';
  const view = (name: string): unknown => patchSchema.field(root, name);
  assert.deepEqual(view('set'), { required: false, array: true, listType: 'set', listMapKeys: undefined, type: 'string' });
  assert.equal(patchSchema.field(root, 'ports')?.listType, 'map');
  assert.equal(patchSchema.field(patchSchema.field(root, 'ports')?.type ?? '', 'protocol')?.default, 'UDP');
  assert.equal(patchSchema.field(root, 'selector')?.atomic, true);
  assert.equal(patchSchema.field(type.patchType, 'metadata')?.type, 'V1ObjectMeta');
  assert.equal(view('nope'), undefined);
  assert.equal(view('toString'), undefined);
  assert.equal(view('set'), view('set'), 'the same view every time');
});

test('maps of maps reach the schema of their values', () => {
  const deep = patchSchema.field(patchSchema.field(type.patchType, 'spec')?.type ?? '', 'deep');
  const inner = patchSchema.field(deep?.type ?? '', 'any');
  assert.equal(patchSchema.field(inner?.type ?? '', 'a')?.listType, 'set');
});

function apply(live: KubeObject | undefined, manager: string, body: Json): KubeObject {
  const patch = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, spec: body };
  return applyPatch({ live, patch, manager, apiVersion: 'example.com/v1', schema: patchSchema, type: type.patchType, now: 0 });
}

test('two appliers share a set, a list of type map and a map', () => {
  const first = apply(undefined, 'one', { set: ['a'], ports: [{ port: 1, name: 'x' }], labels: { a: '1' } });
  const both = apply(first, 'two', { set: ['b'], ports: [{ port: 1, protocol: 'UDP', tags: { t: 'v' } }, { port: 2 }], labels: { b: '2' } });
  assert.deepEqual((both as { spec?: unknown }).spec, {
    set: ['a', 'b'],
    ports: [{ port: 1, name: 'x', protocol: 'UDP', tags: { t: 'v' } }, { port: 2 }],
    labels: { a: '1', b: '2' },
  });
});

test('types are closed unless they preserve what they do not know', () => {
  const root = patchSchema.field(type.patchType, 'spec')?.type ?? '';
  const closed = (name: string): boolean | undefined => patchSchema.closed?.(patchSchema.field(root, name)?.type ?? '');
  assert.deepEqual(
    [patchSchema.closed?.(type.patchType), patchSchema.closed?.(root), closed('ports'), closed('free'), closed('labels')],
    [true, true, true, false, false],
  );
  const patch = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'n' },
    unknownField: 1,
    spec: { free: { x: 1 }, labels: { a: 'b' } },
  };
  assert.throws(
    () => applyPatch({ live: undefined, patch, manager: 'm', apiVersion: 'example.com/v1', schema: patchSchema, type: type.patchType, now: 0 }),
    /\(n\/w; example.com\/v1, Kind=Widget\): \.unknownField: field not declared in schema$/,
  );
});

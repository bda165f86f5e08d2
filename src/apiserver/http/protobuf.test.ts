import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ProtobufDecoder } from './protobuf.ts';

const types = {
  'runtime.Unknown': { '1': 'typeMeta:runtime.TypeMeta', '2': 'raw:y' },
  'runtime.TypeMeta': { '1': 'apiVersion:s', '2': 'kind:s' },
  'core.v1.Thing': { '1': 'name:s', '2': 'data:s{}', '3': 'ports:i[]', '4': 'on:b', '5': 'source:=core.v1.Source', '6': 'zero:z', '7': 'port:intstr.IntOrString', '8': 'at:meta.v1.Time' },
  'core.v1.Source': { '1': 'path:s' },
  'intstr.IntOrString': { '1': 'type:i', '2': 'intVal:i', '3': 'strVal:s' },
  'meta.v1.Time': { '1': 'seconds:i', '2': 'nanos:i' },
};
const bytes = (field: number, value: Buffer | string): Buffer => Buffer.concat([Buffer.from([(field << 3) | 2, Buffer.byteLength(value)]), Buffer.from(value)]);
const number = (field: number, ...value: number[]): Buffer => Buffer.from([field << 3, ...value]);
const body = (kind: string, raw: Buffer): Buffer => Buffer.concat([Buffer.from('k8s\0'), bytes(1, Buffer.concat([bytes(1, 'v1'), bytes(2, kind)])), bytes(2, raw)]);

describe('protobuf bodies', () => {
  const decoder = new ProtobufDecoder(() => types);
  it('become the JSON they stand for', () => {
    const raw = Buffer.concat([
      bytes(1, 'x'),
      bytes(2, Buffer.concat([bytes(1, 'k'), bytes(2, 'v')])),
      bytes(2, bytes(1, 'empty')),
      number(3, 1),
      number(3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
      number(4, 1),
      bytes(5, bytes(1, '/p')),
      number(6, 0),
      bytes(7, Buffer.concat([number(1, 1), number(2, 0), bytes(3, '25%')])),
      bytes(8, number(1, 60)),
      bytes(15, 'a field of a newer version'),
    ]);
    assert.deepEqual(decoder.decode(body('Thing', raw)), {
      apiVersion: 'v1', kind: 'Thing', name: 'x', data: { k: 'v', empty: '' }, ports: [1, -1], on: true, path: '/p', port: '25%', at: '1970-01-01T00:01:00Z',
    });
  });
  it('are refused when malformed or unknown', () => {
    assert.throws(() => decoder.decode(Buffer.from('{}')), /does not begin with the Kubernetes protobuf prefix/);
    assert.throws(() => decoder.decode(body('Other', Buffer.alloc(0))), /the message of Other in v1 is not known to this server; send JSON/);
    assert.throws(() => decoder.decode(body('Thing', Buffer.from([0x0a, 0x50, 0x61]))), /unexpected end of the body/);
    assert.throws(() => decoder.decode(body('Thing', Buffer.from([0x0b]))), /wire type 3/);
    assert.throws(() => decoder.decode(body('Thing', number(1, 5))), /wrong wire type/);
  });
});

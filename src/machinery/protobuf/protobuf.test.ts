import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { isApiError } from '../errors.ts';
import { ProtobufDecoder } from './index.ts';

const types = {
  'v1.Thing': {
    '1': 'metadata:meta.k8s.io/v1.ObjectMeta',
    '2': 'data:s{}',
    '3': 'ports:i[]',
    '4': 'on:b?',
    '5': 'source:=v1.Source',
    '6': 'zero:i?',
    '7': 'port:p',
    '8': 'at:t',
    '9': 'micro:u',
    '10': 'secret:y{}',
    '11': 'replicas:i',
    '12': 'limits:q{}',
    '13': 'raw:r',
    '14': 'verbs:l',
    '16': 'name:s?',
    '17': 'ratio:d',
    '18': 'things:v1.Thing[]',
    '19': 'target:p?',
    '20': 'or:v1.ThingOrBool',
    '21': 'off:b',
    '22': 'extra:l{}',
    '23': 'empty:v1.Source',
  },
  'v1.Source': { '1': 'path:s', '2': 'emptyDir:v1.Empty' },
  'v1.Empty': {},
  'v1.ThingOrBool': { '0': '|', '1': 'allows:b', '2': 'thing:v1.Source' },
  'meta.k8s.io/v1.ObjectMeta': { '1': 'name:s?', '8': 'creationTimestamp:t' },
  'meta.k8s.io/v1.DeleteOptions': { '1': 'gracePeriodSeconds:i' },
};
const decoder = new ProtobufDecoder(() => types);

/** Signed 64-bit varint. */
function varint(value: bigint | number): Buffer {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
  return Buffer.from(out);
}
const number = (field: number, value: bigint | number): Buffer => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, ...value: (Buffer | string)[]): Buffer => {
  const content = Buffer.concat(value.map((part) => Buffer.from(part as string)));
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
};
const double = (field: number, value: number): Buffer => {
  const content = Buffer.alloc(8);
  content.writeDoubleLE(value);
  return Buffer.concat([varint(field * 8 + 1), content]);
};
const body = (apiVersion: string, kind: string, ...raw: Buffer[]): Buffer =>
  Buffer.concat([Buffer.from('k8s\0'), bytes(1, bytes(1, apiVersion), bytes(2, kind)), bytes(2, ...raw), bytes(3, ''), bytes(4, '')]);
const thing = (...raw: Buffer[]): { [key: string]: unknown } => {
  const { apiVersion, kind, ...rest } = decoder.decode(body('v1', 'Thing', ...raw));
  assert.deepEqual([apiVersion, kind], ['v1', 'Thing']);
  return rest;
};
const refused = (value: Buffer, text: RegExp): void =>
  assert.throws(
    () => decoder.decode(value),
    (error) => isApiError(error, 'BadRequest') && text.test(error.message),
  );

describe('protobuf bodies', () => {
  it('become the JSON of their fields', () => {
    assert.deepEqual(
      thing(
        bytes(1, bytes(1, 'x'), bytes(8)),
        bytes(2, bytes(1, 'k'), bytes(2, 'v')),
        bytes(2, bytes(1, 'empty')),
        number(3, 1),
        number(3, -1),
        number(4, 1),
        bytes(16, 'ñ'),
        double(17, 0.5),
      ),
      { metadata: { name: 'x' }, data: { k: 'v', empty: '' }, ports: [1, -1], on: true, name: 'ñ', ratio: 0.5 },
    );
  });
  it('keep explicit zeros of pointers and drop those that Go omits', () => {
    assert.deepEqual(thing(number(4, 0), number(6, 0), bytes(16, ''), number(11, 0), number(21, 0), bytes(19, number(1, 0), number(2, 0), bytes(3, ''))), {
      replicas: 0,
      off: false,
    });
  });
  it('inline embedded messages, and keep empty ones', () => {
    assert.deepEqual(thing(bytes(5, bytes(1, '/p'), bytes(2)), bytes(23)), { path: '/p', emptyDir: {}, empty: {} });
  });
  it('know times, quantities, IntOrString, raw JSON, bytes and named lists', () => {
    assert.deepEqual(
      thing(
        bytes(7, number(1, 1), number(2, 0), bytes(3, '25%')),
        bytes(8, number(1, 60), number(2, 5)),
        bytes(9, number(1, 60), number(2, 1_234_567)),
        bytes(10, bytes(1, 'a'), bytes(2, Buffer.from([0xff, 0]))),
        bytes(12, bytes(1, 'cpu'), bytes(2, bytes(1, '500m'))),
        bytes(13, bytes(1, '{"a":[1]}')),
        bytes(14, bytes(1, 'get'), bytes(1, 'list')),
        bytes(19, number(1, 0), number(2, 8080)),
        bytes(22, bytes(1, 'k'), bytes(2, bytes(1, 'v'))),
      ),
      {
        port: '25%',
        at: '1970-01-01T00:01:00Z',
        micro: '1970-01-01T00:01:00.001234Z',
        secret: { a: '/wA=' },
        limits: { cpu: '500m' },
        raw: { a: [1] },
        verbs: ['get', 'list'],
        target: 8080,
        extra: { k: ['v'] },
      },
    );
  });
  it('know unions, packed numbers and messages that hold their like', () => {
    assert.deepEqual(thing(bytes(20, number(1, 1), bytes(2, bytes(1, 'p')))), { or: { path: 'p' } });
    assert.deepEqual(thing(bytes(20, number(1, 1))), { or: true });
    assert.deepEqual(thing(bytes(3, varint(7), varint(-7), varint(300))), { ports: [7, -7, 300] });
    assert.deepEqual(thing(bytes(18, bytes(18, number(11, 2))), bytes(18)), { things: [{ things: [{ replicas: 2 }] }, {}] });
  });
  it('skip fields they do not know', () => {
    assert.deepEqual(thing(bytes(15, 'newer'), number(99, 3), double(500, 1), Buffer.concat([varint(501 * 8 + 5), Buffer.alloc(4)]), number(11, 1)), {
      replicas: 1,
    });
  });
  it('of metav1 options belong to every group', () => {
    assert.deepEqual(decoder.decode(body('apps/v1', 'DeleteOptions', number(1, 0))), { apiVersion: 'apps/v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 });
  });
  it('cannot set a prototype', () => {
    const data = thing(bytes(2, bytes(1, '__proto__'), bytes(2, 'x')))['data'] as object;
    assert.deepEqual(Object.keys(data), ['__proto__']);
    assert.equal(Object.getPrototypeOf(data), Object.prototype);
  });
  it('are refused when they are malformed', () => {
    refused(Buffer.from('{}'), /does not begin with the prefix/);
    refused(Buffer.from('k8s\0'), /Object 'Kind' is missing/);
    refused(body('v1', 'Other'), /no kind "Other" is registered for version "v1" in protobuf/);
    refused(body('v1', 'constructor'), /no kind/);
    refused(Buffer.concat([body('v1', 'Thing'), bytes(3, 'gzip')]), /content encoding "gzip" is not supported/);
    refused(body('v1', 'Thing', Buffer.from([0x12, 0x50, 0x61])), /unexpected EOF/);
    refused(body('v1', 'Thing', Buffer.concat([varint(2 * 8 + 2), varint(-1)])), /unexpected EOF/);
    refused(body('v1', 'Thing', Buffer.from([0x0b])), /illegal wire type 3/);
    refused(body('v1', 'Thing', Buffer.from([0x02, 0x00])), /illegal tag/);
    refused(body('v1', 'Thing', Buffer.alloc(12, 0xff)), /longer than 10 bytes/);
    refused(body('v1', 'Thing', number(1, 5)), /wrong wire type/);
    refused(body('v1', 'Thing', bytes(11, 'x')), /wrong wire type/);
    refused(body('v1', 'Thing', bytes(17, 'x')), /a double has 8 bytes/);
    refused(body('v1', 'Thing', bytes(13, bytes(1, '{'))), /embedded JSON/);
    refused(body('v1', 'Thing', bytes(8, number(1, 1n << 62n))), /out of range/);
  });
  it('nested without end are refused', () => {
    let nested = bytes(18);
    for (let i = 0; i < 600; i++) nested = bytes(18, nested);
    refused(body('v1', 'Thing', nested), /nested deeper than 500/);
  });
  it('of any bytes at all decode or are refused, and nothing else', () => {
    const attempt = (value: Buffer): void => {
      try {
        JSON.stringify(decoder.decode(value));
      } catch (error) {
        assert.ok(isApiError(error, 'BadRequest'), String(error));
      }
    };
    const whole = body(
      'v1',
      'Thing',
      bytes(1, bytes(1, 'x'), bytes(8, number(1, 60))),
      bytes(2, bytes(1, 'k'), bytes(2, 'v')),
      number(3, -1),
      bytes(7, number(1, 1), bytes(3, '25%')),
      bytes(13, bytes(1, '{"a":1}')),
      double(17, 2),
      bytes(18, bytes(5, bytes(1, '/p'))),
    );
    for (let length = 0; length <= whole.length; length++) attempt(whole.subarray(0, length));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => attempt(body('v1', 'Thing', Buffer.from(raw)))),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const broken = Buffer.from(whole);
        for (const [at, value] of changes) broken[at] = value;
        attempt(broken);
      }),
      { numRuns: 500 },
    );
  });
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { loadSync } from '@grpc/proto-loader';
import { seededRandom } from '#base';
import { MessageType, parseProto, type ProtoValue } from './proto.ts';

const random = seededRandom(3);
const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
const integers = {
  int32: [0, 1, 127, 128, -1, 2 ** 31 - 1, -(2 ** 31)],
  uint32: [0, 300, 2 ** 32 - 1],
  int64: [0, 1, -1, 2 ** 40, -(2 ** 52), Number.MAX_SAFE_INTEGER],
  uint64: [0, 2 ** 52],
};

/** Some value of the message, with fields left out at random. */
function some(type: MessageType, depth = 0): ProtoValue {
  const value: ProtoValue = {};
  for (const { name, type: field, repeated } of type.fields) {
    if (random.next() < 0.3 || depth > 4) continue;
    const one = (): unknown => {
      if (field.kind === 'string') return pick(['', 'a', 'ä€😀', 'x'.repeat(300)]);
      if (field.kind === 'bytes') return pick([Buffer.alloc(0), Buffer.from([0, 255, 7])]);
      if (field.kind === 'bool') return pick([true, false]);
      if (field.kind === 'enum') return pick([...field.type.numbers.keys()]);
      if (field.kind === 'message') return some(field.type, depth + 1);
      if (field.kind === 'map') throw new Error('unreachable');
      return pick<number>(integers[field.kind]);
    };
    if (field.kind === 'map') value[name] = pick([{}, { a: '1' }, { 'k/ö': '', b: '2' }]);
    else value[name] = repeated ? pick([[], [one()], [one(), one(), one()]]) : one();
  }
  return value;
}

const options = { keepCase: true, longs: Number, enums: String, defaults: true, arrays: true, objects: true, oneofs: false };

for (const [file, pkg] of [
  ['cri.proto', 'runtime.v1'],
  ['events.proto', 'containerd.services.events.v1'],
] as const) {
  test(`${file}: every message travels as with the general loader, both ways`, () => {
    const path = fileURLToPath(new URL(`./proto/${file}`, import.meta.url));
    const ours = parseProto(readFileSync(path, 'utf8'));
    const theirs = loadSync(path, options);
    assert.ok(ours.services.size > 0);
    for (const [service, methods] of ours.services) {
      const definition = theirs[`${pkg}.${service}`] as unknown as Record<
        string,
        {
          path: string;
          responseStream: boolean;
          requestSerialize(v: object): Buffer;
          requestDeserialize(b: Buffer): object;
          responseSerialize(v: object): Buffer;
          responseDeserialize(b: Buffer): object;
        }
      >;
      assert.deepEqual([...methods.keys()], Object.keys(definition));
      for (const [name, method] of methods) {
        const other = definition[name] as (typeof definition)[string];
        assert.deepEqual([method.path, method.streams], [other.path, other.responseStream]);
        for (let round = 0; round < 20; round++) {
          const request = some(method.request);
          assert.deepEqual(
            other.requestDeserialize(method.request.encode(request)),
            other.requestDeserialize(other.requestSerialize(request)),
            `${name} ${JSON.stringify(request)}`,
          );
          const response = some(method.response);
          const bytes = other.responseSerialize(response);
          assert.deepEqual(method.response.decode(bytes), other.responseDeserialize(bytes), `${name} ${JSON.stringify(response)}`);
        }
      }
    }
  });
}

test('unknown fields are skipped, unpacked lists are read, cut-off bytes and wrong values are refused', () => {
  const { messages } = parseProto('syntax = "proto3"; package p; message M { string a = 1; repeated int32 n = 2; }');
  const type = messages.get('M') as MessageType;
  assert.deepEqual(type.decode(Buffer.from([0x0a, 1, 0x61, 0x10, 5, 0x10, 6, 0x1d, 1, 2, 3, 4, 0x22, 1, 9])), { a: 'a', n: [5, 6] });
  assert.throws(() => type.decode(Buffer.from([0x0a, 5, 0x61])), RangeError);
  assert.throws(() => type.decode(Buffer.from([0x10])), RangeError);
  assert.throws(() => type.encode({ n: [1.5] }), /n: 1.5 does not fit/);
  assert.throws(() => type.encode({ a: 5 }), /a: not a text/);
  assert.throws(() => parseProto('syntax = "proto3"; message M { oneof x { string a = 1; } }'), SyntaxError);
  assert.throws(() => parseProto('syntax = "proto3"; message M { Other a = 1; }'), /no Other/);
});

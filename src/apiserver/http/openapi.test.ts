import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSchemaSet } from '#machinery';
import { Note } from '../test-support.ts';
import { OpenApi } from './openapi.ts';
import type { Exchange } from './types.ts';

const protobuf = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const protobufContent = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const schemas = createSchemaSet(
  { TestNote: { metadata: 'V1ObjectMeta', data: 's{}' }, V1ObjectMeta: { name: 's' }, V1ListMeta: {}, V1Status: {}, V1DeleteOptions: {} },
  { fields: {}, atomicTypes: [] },
);

interface Answer {
  code: number | undefined;
  headers: Record<string, string>;
  body: Buffer | undefined;
}
/** Smaller than what is sent compressed, so that the answer is there at once. */
function setUp(): { get(path: string, headers: Record<string, string>): Answer; loads(): number } {
  let loads = 0;
  const descriptions = (): Record<string, never> => (loads++, {});
  const openapi = new OpenApi({ kinds: () => [Note], virtual: [], schemas, descriptions, version: {}, signer: undefined, address: () => '' });
  return {
    loads: () => loads,
    get(path, headers) {
      const answer: Answer = { code: undefined, headers: {}, body: undefined };
      const response = {
        destroyed: false,
        writeHead: (_code: number, sent: Record<string, string>) => void (answer.headers = sent),
        end: (body?: Buffer) => void (answer.body = body),
      };
      const exchange = { request: { method: 'GET', headers }, response, info: { path } } as unknown as Exchange;
      answer.code = openapi.handle(exchange, path);
      return answer;
    },
  };
}
test('version 2 in the form that is asked for, each with its own ETag', () => {
  const { get, loads } = setUp();
  assert.equal(get('/api/v1', {}).code, undefined);
  assert.throws(() => get('/openapi/v2', { accept: 'text/html' }), { message: `only the following media types are accepted: application/json, ${protobuf}` });
  assert.equal(loads(), 0);

  const binary = get('/openapi/v2', { accept: protobuf });
  assert.equal(binary.code, 200);
  assert.equal(binary.headers['content-type'], protobufContent);
  assert.equal(binary.body!.toString('latin1', 0, 5), '\n\u00032.0');
  assert.equal(get('/openapi/v2', { accept: protobuf }).body, binary.body);
  assert.equal(loads(), 1);

  const plain = get('/openapi/v2', { accept: `application/json, ${protobuf}` });
  assert.equal(plain.headers['content-type'], 'application/json');
  assert.equal((JSON.parse(plain.body!.toString()) as { swagger: string }).swagger, '2.0');
  assert.equal(get('/openapi/v2', {}).body, plain.body);
  assert.notEqual(plain.headers['etag'], binary.headers['etag']);

  const unchanged = get('/openapi/v2', { accept: protobuf, 'if-none-match': binary.headers['etag']! });
  assert.deepEqual([unchanged.code, unchanged.body, unchanged.headers['etag']], [304, undefined, binary.headers['etag']]);
  assert.equal(get('/openapi/v2', { accept: protobuf, 'if-none-match': plain.headers['etag']! }).code, 200);
});

test('version 3 is JSON only', () => {
  const { get } = setUp();
  assert.throws(() => get('/openapi/v3', { accept: protobuf }), { message: 'only the following media types are accepted: application/json' });
  assert.equal(get('/openapi/v3', { accept: 'application/json, */*' }).code, 200);
});

import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import test, { after, before, describe } from 'node:test';
import * as fc from 'fast-check';
import { encodeCbor, loadCbor } from '../protocol/cbor.ts';
import { awsJson10, awsJson11 } from '../protocol/json.ts';
import { awsQuery, ec2Query } from '../protocol/query.ts';
import { restJson1 } from '../protocol/rest-json.ts';
import { restXml } from '../protocol/rest-xml.ts';
import { rpcCbor } from '../protocol/rpc-cbor.ts';
import { loadContract, type Member } from '../protocol/schema.ts';
import type { Protocol } from '../protocol/types.ts';
import { defineAction, defineService, type ServiceRoute } from './service.ts';
import { openGate } from './testing.ts';

/** Every operation of a contract, for everybody, in one protocol; the answer is empty. */
function everything(name: string, contract: string, protocol: Protocol): ServiceRoute {
  const action = defineAction({ authentication: 'optional', permissions: () => [], handle: () => ({}) });
  const actions = Object.fromEntries(loadContract(contract).operations.map((operation) => [operation, action]));
  return { name, targets: [name], load: () => Promise.resolve(defineService({ contract, kinds: [], actions, protocols: [protocol] })) };
}
/** The name of the toy service, the contract that it has, and its protocol. */
const toys: readonly (readonly [name: string, contract: string, protocol: Protocol])[] = [
  ['form', 'iam', awsQuery],
  ['flat', 'sts', ec2Query],
  ['json', 'ecr', awsJson11],
  ['metrics', 'cloudwatch', awsJson10],
  ['cbor', 'cloudwatch', rpcCbor],
  ['rest', 'eks', restJson1],
  ['box', 's3', restXml],
];
interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const agent = new Agent({ keepAlive: true, maxSockets: 4 });
let gate: Awaited<ReturnType<typeof openGate>>;
before(async () => {
  await loadCbor();
  gate = await openGate(toys.map(([name, contract, protocol]) => everything(name, contract, protocol)));
});
after(() => {
  agent.destroy();
  gate.close();
});
function send({ method, path, headers, body }: Sent): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host: '127.0.0.1', port: gate.port, method, path, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Values as a contract's members have them, and as they do not. */
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(Number),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }),
);
function valueOf({ shape }: Member, depth = 0): fc.Arbitrary<unknown> {
  if (depth > 4 || shape.kind === 'unit') return scalar;
  const right =
    shape.kind === 'structure'
      ? fc.record(Object.fromEntries(shape.members.map((member) => [member.name, valueOf(member, depth + 1)])), { requiredKeys: [] })
      : shape.kind === 'list'
        ? fc.array(valueOf(shape.member, depth + 1), { maxLength: 3 })
        : shape.kind === 'map'
          ? fc.dictionary(fc.string({ unit: 'binary', maxLength: 5 }), valueOf(shape.value, depth + 1), { maxKeys: 3 })
          : scalar;
  return fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.object({ maxDepth: 1 })) });
}
const textOf = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
const bytes = (text: string): Uint8Array => Buffer.from(text);
/** A value as names and texts of a form. */
function formOf(value: unknown, path: string, out: [string, string][] = []): [string, string][] {
  if (typeof value !== 'object' || value === null) out.push([path, textOf(value)]);
  else
    for (const [key, one] of Object.entries(value)) formOf(one, path === '' ? key : `${path}.${Array.isArray(value) ? `member.${Number(key) + 1}` : key}`, out);
  return out;
}
function xmlOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return textOf(value);
  return Object.entries(value)
    .map(([key, one]) => `<${Array.isArray(value) ? 'member' : key}>${xmlOf(one)}</${Array.isArray(value) ? 'member' : key}>`)
    .join('');
}

/** A body that is nearly right: written as the protocol does, then cut, and changed in some places. */
function spoilt(written: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  return fc.tuple(written, fc.array(change, { maxLength: 3 }), fc.option(fc.nat(), { freq: 3, nil: undefined })).map(([body, changes, cut]) => {
    const out = Buffer.from(body);
    for (const [at, to] of changes) if (out.length > 0) out[at % out.length] = to;
    return cut === undefined ? out : out.subarray(0, cut % (out.length + 1));
  });
}
function requestOf(name: string, contractName: string, protocol: Protocol): fc.Arbitrary<Sent> {
  const contract = loadContract(contractName);
  const host = { host: `${name}.test` };
  return fc.constantFrom(...contract.operations).chain((action) => {
    const operation = contract.operation(action);
    assert.ok(operation);
    const value = valueOf(operation.input);
    const path = fc.oneof(
      { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 8 }).map((label) => fill(operation.http?.uri ?? '/', label)) },
      fc.webPath(),
    );
    const of = (headers: Record<string, string>, written: fc.Arbitrary<Uint8Array>, at: fc.Arbitrary<string> = fc.constant('/'), method = 'POST') =>
      fc.record({
        method: fc.constant(method),
        path: at,
        headers: fc.constant({ ...host, ...headers }),
        body: fc.oneof({ weight: 4, arbitrary: spoilt(written) }, fc.uint8Array({ maxLength: 200 })),
      });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const query = value.map((one) => bytes(`Action=${action}&Version=1&${String(new URLSearchParams(formOf(one, '')))}`));
    if (protocol === awsQuery || protocol === ec2Query) return of(form, query);
    const json = value.map((one) => bytes(JSON.stringify(one) ?? ''));
    if (protocol === awsJson10 || protocol === awsJson11)
      return of({ 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `${contract.target}.${action}` }, json);
    if (protocol === rpcCbor) {
      const at = fc.constant(`/service/${contract.target}/operation/${action}`);
      return of({ 'smithy-protocol': 'rpc-v2-cbor', 'content-type': 'application/cbor' }, value.map(encodeCbor), at);
    }
    if (protocol === restJson1) return of({ 'content-type': 'application/json' }, json, path, operation.http?.method);
    return of(
      {},
      value.map((one) => bytes(`<${action}>${xmlOf(one)}</${action}>`)),
      path,
      operation.http?.method,
    );
  });
}
const fill = (uri: string, label: string): string => uri.replaceAll(/\{\w+\+?\}/g, () => encodeURIComponent(label) || 'x');

const runs = Number(process.env['FUZZ_RUNS'] ?? 30);
describe('whatever is sent, the gateway answers, and never that it failed', () => {
  for (const [name, contract, protocol] of toys) {
    test(protocol.name, () =>
      fc.assert(
        fc.asyncProperty(requestOf(name, contract, protocol), async (sent) => {
          const { status, text } = await send(sent);
          assert.ok(status >= 200 && (status < 500 || status === 501), `${status} ${text}`);
        }),
        { numRuns: runs, seed: Number(process.env['FUZZ_SEED'] ?? 20_261_124) },
      ),
    );
  }
  test('bytes at any door', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...toys),
        fc.constantFrom('POST', 'GET', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH'),
        fc.webPath(),
        fc.constantFrom<Record<string, string>>(
          {},
          { 'content-type': 'application/x-www-form-urlencoded' },
          { 'content-encoding': 'gzip', 'x-amz-target': 'json.X' },
          { 'smithy-protocol': 'rpc-v2-cbor' },
          { authorization: 'AWS4-HMAC-SHA256 Credential=test/2/3/4/5, SignedHeaders=host, Signature=00' },
          { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-decoded-content-length': 'x' },
          { 'transfer-encoding': 'chunked' },
        ),
        fc.uint8Array({ maxLength: 300 }),
        async ([name], method, path, headers, body) => {
          const { status, text } = await send({ method, path, headers: { ...headers, host: `${name}.test` }, body });
          assert.ok(status >= 200 && (status < 500 || status === 501), `${status} ${text}`);
        },
      ),
      { numRuns: runs * 4, seed: Number(process.env['FUZZ_SEED'] ?? 20_261_124) },
    ));
});

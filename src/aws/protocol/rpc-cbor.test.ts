import assert from 'node:assert/strict';
import test, { before, describe } from 'node:test';
import { AwsError } from '../gateway/errors.ts';
import { decodeCbor, encodeCbor, loadCbor } from './cbor.ts';
import { rpcCbor } from './rpc-cbor.ts';
import { loadContract, type Operation } from './schema.ts';
import type { CallRequest, Target } from './types.ts';

const contract = loadContract('cloudwatch');
const operation = (name: string): Operation => {
  const found = contract.operation(name);
  assert.ok(found);
  return found;
};
function request(name: string, body: Uint8Array, headers: Record<string, string> = { 'smithy-protocol': 'rpc-v2-cbor' }): CallRequest {
  const path = `/service/GraniteServiceVersion20100801/operation/${name}`;
  return {
    method: 'POST',
    url: path,
    path,
    query: '',
    rawHeaders: [],
    headers: new Map(Object.entries(headers).map(([key, value]) => [key, [value]])),
    header: (key) => headers[key],
    body: Buffer.from(body),
    stream: undefined,
  };
}
const decode = (name: string, body: Uint8Array) => rpcCbor.decode(request(name, body), operation(name), { name }, contract);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('rpc-v2-cbor', () => {
  before(() => loadCbor());

  test('the path names service and operation, and the header says that it is one', () => {
    const target = (one: CallRequest): Target | undefined => rpcCbor.target(one, contract);
    assert.deepEqual(target(request('PutMetricData', hex('a0'))), { name: 'PutMetricData' });
    assert.deepEqual(target({ ...request('X', hex('a0')), path: '/prefix/service/GraniteServiceVersion20100801/operation/X' }), { name: 'X' });
    assert.equal(target(request('PutMetricData', hex('a0'), {})), undefined);
    assert.equal(target({ ...request('X', hex('a0')), path: '/service/Other/operation/X' }), undefined);
    assert.equal(target({ ...request('X', hex('a0')), method: 'GET' }), undefined);
  });

  test('reads every width of numbers, times, indefinite lengths, and leaves out null and what it does not know', () => {
    // {_ "Namespace": "Own", "Nope": 1, "MetricData": [_ {"MetricName": "m", "Value": 1.5 (half), "Timestamp": 1(1363896240), "Unit": null}]}
    const body = hex(
      `bf 69 ${text('Namespace')} 63 4f776e 64 ${text('Nope')} 01 6a ${text('MetricData')} 9f a4 6a ${text('MetricName')} 61 6d 65 ${text('Value')} f93e00 69 ${text('Timestamp')} c11a514b67b0 64 ${text('Unit')} f6 ff ff`,
    );
    assert.deepEqual(decode('PutMetricData', body), {
      Namespace: 'Own',
      MetricData: [{ MetricName: 'm', Value: 1.5, Timestamp: new Date(1_363_896_240_000) }],
    });
    assert.deepEqual(decode('PutMetricData', Buffer.alloc(0)), {});
  });

  const refused: [what: string, body: string, message: RegExp][] = [
    ['no CBOR', 'ff', /not valid CBOR/],
    ['an end that comes too early', 'a1', /not valid CBOR/],
    ['something behind the end', 'a0a0', /not valid CBOR/],
    ['a text in pieces, which no client sends', '7f 61 61 ff', /indefinite length bytes\/strings are not supported/],
    ['a tag that nobody knows', 'c240', /not valid CBOR/],
    ['a time that is none', `a1 69 ${text('StartTime')} c1 60`, /not valid CBOR: a time is a number/],
    ['no structure', '80', /Expected a structure/],
    ['a key twice', `a2 61 61 01 61 61 01`, /not valid CBOR/],
    ['a number where a text belongs', `a1 69 ${text('Namespace')} 01`, /Expected a text at 'Namespace'/],
    ['a text where a number belongs', `a1 66 ${text('Period')} 61 31`, /Expected a number at 'Period'/],
    ['bytes where a list belongs', `a1 6a ${text('Statistics')} 41 00`, /Expected a list at 'Statistics'/],
  ];
  for (const [what, body, message] of refused) {
    test(`does not take ${what}`, () =>
      assert.throws(
        () => decode('GetMetricStatistics', hex(body)),
        (error) => error instanceof AwsError && error.code === 'SerializationException' && message.test(error.message),
      ));
  }
  test('does not take what is nested without end', () =>
    assert.throws(() => decodeCbor(Buffer.alloc(1_000_000, 0x81), 'X'), new AwsError('X', 'The request body is not valid CBOR: it is nested too deep')));

  test('writes times as tag 1, fractions in eight bytes, and nothing where there is nothing', () => {
    const output = { Label: 'm', Datapoints: [{ Timestamp: new Date(1500), Average: 0.5, Unit: undefined }] };
    const { status, headers, body } = rpcCbor.encode(output, operation('GetMetricStatistics'), contract, 'id');
    assert.deepEqual([status, headers['content-type'], headers['smithy-protocol']], [200, 'application/cbor', 'rpc-v2-cbor']);
    const bytes = Buffer.from(body as Uint8Array);
    assert.ok(bytes.includes(hex('c1 fb3ff8000000000000')) && bytes.includes(hex('fb3fe0000000000000')), bytes.toString('hex'));
    assert.ok(!bytes.includes('Unit'));
    const none = rpcCbor.encode({}, operation('SetAlarmState'), contract, 'id');
    assert.deepEqual([none.body, none.headers['content-type']], [undefined, undefined]);
  });
  test('errors have their name, and their old code in a header', () => {
    const { status, headers, body } = rpcCbor.encodeError(new AwsError('DashboardNotFoundError', 'no', { fields: { a: undefined } }), contract, 'id');
    assert.deepEqual([status, headers['x-amzn-query-error']], [404, 'ResourceNotFound;Sender']);
    assert.deepEqual(
      decodeCbor(body as Uint8Array, 'X'),
      new Map([
        ['__type', 'DashboardNotFoundError'],
        ['message', 'no'],
      ]),
    );
  });
  test('what is written is read again', () => {
    const value = { a: new Date(1234), b: -1.25, c: [true, null, 'ü', 2 ** 40], d: new Uint8Array([1, 2]) };
    assert.deepEqual(Object.fromEntries(decodeCbor(encodeCbor(value), 'X') as Map<string, unknown>), value);
  });
});
function text(value: string): string {
  return Buffer.from(value).toString('hex');
}

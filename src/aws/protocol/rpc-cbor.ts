import { AwsError } from '../gateway/errors.ts';
import { decodeCbor, encodeCbor, loadCbor } from './cbor.ts';
import { describeError, queryErrorHeader } from './query.ts';
import type { Member, Structure } from './schema.ts';
import type { CallResponse, Protocol, Value } from './types.ts';
import { present } from './values.ts';

const broken = 'SerializationException';
const at = (path: string): string => (path === '' ? '' : ` at '${path}'`);
const wrong = (expected: string, path: string): AwsError => new AwsError(broken, `Expected ${expected}${at(path)}`);

/** A value of CBOR as the contract has it. Throws AwsError (SerializationException). */
export function fromCbor({ shape }: Member, value: unknown, path: string): unknown {
  if (value === null || value === undefined) return undefined;
  switch (shape.kind) {
    case 'structure':
      return structureFromCbor(shape, value, path);
    case 'list':
      if (!Array.isArray(value)) throw wrong('a list', path);
      return (value as unknown[]).map((item, i) => fromCbor(shape.member, item, `${path}[${i}]`));
    case 'map':
      if (!(value instanceof Map)) throw wrong('a map', path);
      return Object.fromEntries([...value].map(([key, one]) => [textOf(key, path), fromCbor(shape.value, one, `${path}.${String(key)}`)]));
    case 'unit':
      return {};
    default:
      return scalarFromCbor(shape.type, value, path);
  }
}

export function structureFromCbor(shape: Structure, value: unknown, path: string): Value {
  if (!(value instanceof Map)) throw wrong('a structure', path);
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    const read = fromCbor(member, value.get(member.name), path === '' ? member.name : `${path}.${member.name}`);
    if (read !== undefined) out[member.name] = read;
  }
  return out;
}

function textOf(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrong('a text', path);
  return value;
}
function scalarFromCbor(type: string, value: unknown, path: string): unknown {
  switch (type) {
    case 'string':
      return textOf(value, path);
    case 'number':
      if (typeof value !== 'number' && typeof value !== 'bigint') throw wrong('a number', path);
      return Number(value);
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('a boolean', path);
      return value;
    case 'timestamp':
      return dateOf(value, path);
    case 'blob':
      if (!(value instanceof Uint8Array)) throw wrong('bytes', path);
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    case 'bigInteger':
      if (typeof value !== 'bigint' && !Number.isInteger(value)) throw wrong('an integer', path);
      return BigInt(value as bigint | number);
    default:
      return plain(value);
  }
}
function dateOf(value: unknown, path: string): Date {
  const date = value instanceof Date ? value : typeof value === 'number' ? new Date(value * 1000) : undefined;
  if (!date || Number.isNaN(date.getTime())) throw wrong('a timestamp', path);
  return date;
}
/** Documents are what JSON could carry. */
function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, one]) => [String(key), plain(one)]));
  if (Array.isArray(value)) return (value as unknown[]).map(plain);
  return value;
}

/** A value in the form in which CBOR carries it. */
function toCbor({ shape }: Member, value: unknown): unknown {
  switch (shape.kind) {
    case 'structure':
      return structureToCbor(shape, value as Value);
    case 'list':
      return (value as readonly unknown[]).map((one) => toCbor(shape.member, one));
    case 'map':
      return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, toCbor(shape.value, one)]));
    case 'unit':
      return {};
    default:
      return value;
  }
}
const structureToCbor = (shape: Structure, value: Value): Record<string, unknown> =>
  Object.fromEntries([...present(shape.members, value)].map(([member, given]) => [member.name, toCbor(member, given)]));

const headers = (requestId: string): Record<string, string> => ({
  'content-type': 'application/cbor',
  'smithy-protocol': 'rpc-v2-cbor',
  'x-amzn-requestid': requestId,
});

/** Smithy's RPC version 2 with CBOR: what new SDKs speak with CloudWatch. POST /service/SERVICE/operation/NAME. */
export const rpcCbor: Protocol = {
  name: 'rpcv2Cbor',
  unknownAction: 'UnknownOperationException',
  invalid: 'ValidationException',
  malformed: broken,
  prepare: loadCbor,
  target(request, contract) {
    const [service, name] = /\/service\/([^/]+)\/operation\/([^/]+)$/.exec(request.path)?.slice(1) ?? [];
    const asked = request.method === 'POST' && request.header('smithy-protocol') === 'rpc-v2-cbor';
    return asked && name !== undefined && service === contract.target ? { name } : undefined;
  },
  decode(request, operation) {
    const { shape } = operation.input;
    return shape.kind === 'structure' && request.body.length > 0 ? structureFromCbor(shape, decodeCbor(request.body, broken), '') : {};
  },
  encode(output, operation, _contract, requestId): CallResponse {
    const { shape } = operation.output;
    if (shape.kind !== 'structure') return { status: 200, headers: { 'smithy-protocol': 'rpc-v2-cbor', 'x-amzn-requestid': requestId }, body: undefined };
    return { status: 200, headers: headers(requestId), body: encodeCbor(structureToCbor(shape, output)) };
  },
  encodeError(error, contract, requestId): CallResponse {
    const status = error.code === 'AccessDeniedException' ? 400 : describeError(error, contract).status;
    const body = encodeCbor({ __type: error.code, ...error.fields, message: error.message });
    return { status, headers: { ...headers(requestId), ...queryErrorHeader(error, contract) }, body };
  },
};

import { AwsError } from '../gateway/errors.ts';
import { describeError, queryErrorHeader } from './query.ts';
import type { Member, Structure } from './schema.ts';
import type { CallResponse, Protocol, Value } from './types.ts';
import { parseScalar, parseTime, present } from './values.ts';

const broken = 'SerializationException';

/** A JSON value as the contract has it. Throws AwsError (SerializationException). */
export function fromJson(member: Member, value: unknown, path: string): unknown {
  const { shape } = member;
  if (value === null) return undefined;
  switch (shape.kind) {
    case 'structure':
      return structureFromJson(shape, value, path);
    case 'list':
      if (!Array.isArray(value)) throw new AwsError(broken, `Expected list or null${at(path)}`);
      return (value as unknown[]).map((item, i) => fromJson(shape.member, item, `${path}[${i}]`));
    case 'map':
      if (typeof value !== 'object' || Array.isArray(value)) throw new AwsError(broken, `Expected map or null${at(path)}`);
      return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, fromJson(shape.value, one, `${path}.${key}`)]));
    case 'unit':
      return {};
    default:
      return scalarFromJson(shape.type, value, path);
  }
}
const at = (path: string): string => (path === '' ? '' : ` at '${path}'`);

export function structureFromJson(shape: Structure, value: unknown, path: string): Value {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new AwsError(broken, `Unexpected value${at(path)}: expected an object`);
  const given = value as Readonly<Record<string, unknown>>;
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    const name = member.traits.jsonName ?? member.name;
    if (!Object.hasOwn(given, name)) continue;
    const read = fromJson(member, given[name], path === '' ? name : `${path}.${name}`);
    if (read !== undefined) out[member.name] = read;
  }
  return out;
}

function scalarFromJson(type: string, value: unknown, path: string): unknown {
  const wrong = (expected: string): AwsError => new AwsError(broken, `${describe(value)} can not be converted to ${expected}${at(path)}`);
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw wrong('a String');
      return value;
    case 'number':
      if (typeof value !== 'number') throw wrong('a Number');
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('a Boolean');
      return value;
    case 'timestamp':
      if (typeof value !== 'number' && typeof value !== 'string') throw wrong('a Timestamp');
      return parseTime(value, path, broken);
    case 'blob':
      if (typeof value !== 'string') throw wrong('a Blob');
      return Buffer.from(value, 'base64');
    case 'bigInteger':
      return parseScalar({ kind: 'scalar', type: 'bigInteger', format: undefined }, String(value), path, broken);
    default:
      return value;
  }
}
const describe = (value: unknown): string => (Array.isArray(value) ? 'START_ARRAY' : value === null ? 'NULL' : `${(typeof value).toUpperCase()}_VALUE`);

/** A value in the form in which JSON carries it: times are seconds, blobs are base64. */
export function toJson(member: Member, value: unknown): unknown {
  const { shape } = member;
  switch (shape.kind) {
    case 'structure':
      return structureToJson(shape, value as Value);
    case 'list':
      return (value as readonly unknown[]).map((one) => toJson(shape.member, one));
    case 'map':
      return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, toJson(shape.value, one)]));
    case 'unit':
      return {};
    default:
      if (value instanceof Date) return shape.format === 'date-time' ? value.toISOString() : value.getTime() / 1000;
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      return typeof value === 'bigint' ? Number(value) : value;
  }
}
export function structureToJson(shape: Structure, value: Value): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [member, given] of present(shape.members, value)) out[member.traits.jsonName ?? member.name] = toJson(member, given);
  return out;
}

export function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new AwsError(broken, 'The request body is not valid JSON');
  }
}

function awsJson(version: '1.0' | '1.1'): Protocol {
  const headers = (requestId: string): Record<string, string> => ({ 'content-type': `application/x-amz-json-${version}`, 'x-amzn-requestid': requestId });
  return {
    name: `awsJson${version}`,
    unknownAction: 'UnknownOperationException',
    invalid: 'ValidationException',
    malformed: broken,
    target(request, contract) {
      const [service, name] = (request.header('x-amz-target') ?? '').split('.');
      return name === undefined || service !== contract.target ? undefined : { name };
    },
    decode(request, operation) {
      const { shape } = operation.input;
      return shape.kind === 'structure' ? structureFromJson(shape, parseJson(request.body.toString('utf8')), '') : {};
    },
    encode(output, operation, _contract, requestId): CallResponse {
      const { shape } = operation.output;
      return { status: 200, headers: headers(requestId), body: JSON.stringify(shape.kind === 'structure' ? structureToJson(shape, output) : {}) };
    },
    encodeError(error, contract, requestId): CallResponse {
      const status = error.code === 'AccessDeniedException' ? 400 : describeError(error, contract).status;
      const all = { ...headers(requestId), ...queryErrorHeader(error, contract) };
      return { status, headers: all, body: JSON.stringify({ __type: error.code, ...jsonErrorFields(error), message: error.message }) };
    },
  };
}
export const jsonErrorFields = (error: AwsError): Record<string, unknown> => ({ ...error.fields });

export const awsJson10: Protocol = awsJson('1.0');
export const awsJson11: Protocol = awsJson('1.1');

import { AwsError } from '../gateway/errors.ts';
import type { Member, Shape } from './schema.ts';

export type Scalar = Extract<Shape, { kind: 'scalar' }>;

/** A scalar from its text. Throws AwsError with the code of the protocol. */
export function parseScalar(shape: Scalar, text: string, path: string, code: string): unknown {
  switch (shape.type) {
    case 'number': {
      const value = Number(text);
      if (text.trim() === '' || Number.isNaN(value)) throw new AwsError(code, `Value '${text}' at '${path}' is not a number`);
      return value;
    }
    case 'boolean':
      if (!/^(?:true|false)$/i.test(text)) throw new AwsError(code, `Value '${text}' at '${path}' is not a boolean: use true or false`);
      return text.toLowerCase() === 'true';
    case 'timestamp':
      return parseTime(text, path, code);
    case 'blob':
      return Buffer.from(text, 'base64');
    case 'bigInteger':
      if (!/^-?\d+$/.test(text)) throw new AwsError(code, `Value '${text}' at '${path}' is not an integer`);
      return BigInt(text);
    case 'document':
      try {
        return JSON.parse(text) as unknown;
      } catch {
        throw new AwsError(code, `Value at '${path}' is not a JSON document`);
      }
    default:
      return text;
  }
}

/** ISO 8601, HTTP-date or seconds since the epoch. */
export function parseTime(text: string | number, path: string, code: string): Date {
  const ms = typeof text === 'number' || /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) throw new AwsError(code, `Value '${text}' at '${path}' is not a valid timestamp`);
  return date;
}

/** A time in a format; `date-time` where neither the contract nor the place says another. */
export function formatDate(date: Date, format: Scalar['format']): string {
  if (format === 'http-date') return date.toUTCString();
  if (format === 'epoch-seconds') return String(date.getTime() / 1000);
  return date.toISOString().replace('.000Z', 'Z');
}

/** A scalar as text, for XML, headers and queries. */
export function scalarText(shape: Scalar, value: unknown, format?: Scalar['format']): string {
  if (value instanceof Date) return formatDate(value, shape.format ?? format);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (shape.type === 'document') return JSON.stringify(value);
  return String(value as string | number | boolean | bigint);
}

/** The members that hold something. */
export function* present(members: readonly Member[], value: Readonly<Record<string, unknown>>): Generator<[Member, unknown]> {
  for (const member of members) {
    const given = value[member.name];
    if (given !== undefined && given !== null) yield [member, given];
  }
}

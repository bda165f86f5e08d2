import type { Json } from '../object.ts';
import { malformed, WireReader, type Raw } from './wire.ts';

/** The value of a field with a one-letter code (see ProtobufTypes). Undefined where the JSON leaves it out. */
export function decodeScalar(code: string, raw: Raw): Json | undefined {
  switch (code) {
    case 's':
      return bytes(raw).toString();
    case 'y':
      return bytes(raw).toString('base64');
    case 'b':
      return integer(raw) !== 0;
    case 'i':
      return integer(raw);
    case 'd':
      if (bytes(raw).length !== 8) throw malformed('a double has 8 bytes');
      return bytes(raw).readDoubleLE();
    case 't':
      return time(raw, false);
    case 'u':
      return time(raw, true);
    case 'q':
      return parts(raw).get(1)?.toString() || '0';
    case 'p':
      return intOrString(raw);
    case 'r':
      return rawJson(raw);
    case 'l':
      return strings(raw);
    default:
      throw new Error(`unknown code ${code} of a protobuf field`);
  }
}
/** What an entry of a map without a value stands for; undefined for messages. */
export function scalarZero(code: string): Json | undefined {
  if (code.length > 1) return undefined;
  switch (code) {
    case 's':
    case 'y':
      return '';
    case 'b':
      return false;
    case 'i':
    case 'd':
      return 0;
    default:
      return decodeScalar(code, Buffer.alloc(0)) ?? null;
  }
}

function bytes(raw: Raw): Buffer {
  if (typeof raw === 'number') throw malformed('a field has the wrong wire type');
  return raw;
}
function integer(raw: Raw): number {
  if (typeof raw !== 'number') throw malformed('a field has the wrong wire type');
  return raw;
}
/** The fields of a small message; the last of each number wins. */
function parts(raw: Raw): Map<number, Raw> {
  const out = new Map<number, Raw>();
  new WireReader(bytes(raw)).fields((number, value) => out.set(number, value));
  return out;
}

/** {1: seconds, 2: nanos} → RFC 3339 in UTC. The zero time is null in JSON: absent. */
function time(raw: Raw, micro: boolean): string | undefined {
  const fields = parts(raw);
  const seconds = integer(fields.get(1) ?? 0);
  const nanos = integer(fields.get(2) ?? 0);
  if (seconds === 0 && nanos === 0) return undefined;
  // The years 1 to 9999, which RFC 3339 can say.
  if (seconds < -62_135_596_800 || seconds > 253_402_300_799 || nanos < 0 || nanos > 999_999_999) throw malformed(`time ${seconds}.${nanos} is out of range`);
  const text = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micro ? `${text}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z` : `${text}Z`;
}
/** {1: type (0 int, 1 string), 2: intVal, 3: strVal}. */
function intOrString(raw: Raw): number | string {
  const fields = parts(raw);
  return integer(fields.get(1) ?? 0) === 1 ? bytes(fields.get(3) ?? Buffer.alloc(0)).toString() : integer(fields.get(2) ?? 0);
}
/** {1: JSON text}. */
function rawJson(raw: Raw): Json | undefined {
  const text = bytes(parts(raw).get(1) ?? Buffer.alloc(0)).toString();
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw malformed(`embedded JSON: ${(error as Error).message}`);
  }
}
/** {1: repeated string}. */
function strings(raw: Raw): string[] {
  const out: string[] = [];
  new WireReader(bytes(raw)).fields((number, value) => {
    if (number === 1) out.push(bytes(value).toString());
  });
  return out;
}

import { readFileSync } from 'node:fs';
import type { ProtobufTypes } from '#machinery';

/** The protobuf messages of the types; 80 KB that only protobuf bodies need, so read when asked for. */
export function loadProtobuf(): ProtobufTypes {
  return JSON.parse(readFileSync(new URL('./protobuf.json', import.meta.url), 'utf8')) as ProtobufTypes;
}

import { readFileSync } from 'node:fs';

/** Field numbers of the protobuf messages of the API, as the file descriptors in client-go 1.33 state them; `code` as in ProtobufTypes of the API server. */
export interface ProtobufTypes {
  readonly [message: string]: { readonly [number: string]: string };
}
/** 76 KB that only protobuf bodies need, so read when asked for. */
export function loadProtobuf(): ProtobufTypes {
  return JSON.parse(readFileSync(new URL('./protobuf.json', import.meta.url), 'utf8')) as ProtobufTypes;
}

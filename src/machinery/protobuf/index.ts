export { ProtobufDecoder } from './decoder.ts';
export type { ProtobufTypes } from './types.ts';

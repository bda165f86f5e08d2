export { openApiV2, openApiV3, openApiV3Index, type OpenApiInfo } from './openapi.ts';
export type { OpenApiSource } from './definitions.ts';
export { openApiV2Protobuf, openApiV2ProtobufContentType, openApiV2ProtobufType } from './protobuf.ts';

import { describeError } from './query.ts';
import { inBody, readBindings, writeBindings } from './http.ts';
import { fromJson, parseJson, structureFromJson, structureToJson, toJson } from './json.ts';
import type { Protocol, Value } from './types.ts';
import { matchUri } from './uri.ts';

/** REST with JSON: EKS, Lambda, API Gateway … */
export const restJson1: Protocol = {
  name: 'restJson1',
  unknownAction: 'UnknownOperationException',
  invalid: 'ValidationException',
  malformed: 'SerializationException',
  target: matchUri,
  decode(request, operation, target) {
    const { shape } = operation.input;
    if (shape.kind !== 'structure') return {};
    const out = readBindings(request, shape, target, 'SerializationException');
    const payload = shape.members.find(({ traits }) => traits.httpPayload);
    if (payload)
      return withPayload(
        out,
        payload.name,
        payload.shape.kind === 'structure' ? fromJson(payload, parseJson(request.body.toString()), '') : (request.stream ?? request.body),
      );
    const body = { ...shape, members: shape.members.filter(inBody) };
    return body.members.length === 0 ? out : { ...out, ...structureFromJson(body, parseJson(request.body.toString('utf8')), '') };
  },
  encode(output, operation, _contract, requestId) {
    const { shape } = operation.output;
    const fields = shape.kind === 'structure' ? shape : undefined;
    const { status, headers } = fields ? writeBindings(fields, output, operation.http?.status ?? 200) : { status: 200, headers: {} };
    const payload = fields?.members.find(({ traits }) => traits.httpPayload);
    const all = { 'content-type': 'application/json', 'x-amzn-requestid': requestId, ...headers };
    if (payload) {
      const value = output[payload.name];
      if (payload.shape.kind === 'structure') return { status, headers: all, body: JSON.stringify(toJson(payload, value ?? {})) };
      return { status, headers: { ...all, 'content-type': headers['content-type'] ?? 'application/octet-stream' }, body: value as Uint8Array };
    }
    const body = fields ? structureToJson({ ...fields, members: fields.members.filter(inBody) }, output) : {};
    return { status, headers: all, body: JSON.stringify(body) };
  },
  encodeError(error, contract, requestId) {
    const { status } = describeError(error, contract);
    const headers = { 'content-type': 'application/json', 'x-amzn-requestid': requestId, 'x-amzn-errortype': error.code };
    return { status, headers, body: JSON.stringify({ ...error.fields, message: error.message }) };
  },
};
const withPayload = (out: Record<string, unknown>, name: string, value: unknown): Value => ({ ...out, [name]: value });

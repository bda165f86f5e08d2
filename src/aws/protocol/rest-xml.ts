import { AwsError } from '../gateway/errors.ts';
import { inBody, readBindings, writeBindings } from './http.ts';
import { describeError } from './query.ts';
import { readXml, type XmlElement } from './read-xml.ts';
import type { Member, Structure } from './schema.ts';
import type { Protocol, Value } from './types.ts';
import { matchUri } from './uri.ts';
import { parseScalar } from './values.ts';
import { escapeXml, writeMember, writeMembers } from './xml.ts';

const malformed = 'MalformedXML';
const notWellFormed = 'The XML you provided was not well-formed or did not validate against our published schema';

/** A structure from an element. Throws AwsError (MalformedXML). */
export function structureFromXml(shape: Structure, element: XmlElement): Value {
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    if (!inBody(member)) continue;
    const name = member.traits.xmlName ?? member.name;
    if (member.traits.xmlAttribute) {
      const text = element.attributes.get(name);
      if (text !== undefined) out[member.name] = text;
      continue;
    }
    const found = element.children.filter((child) => child.name === name);
    if (found.length > 0) out[member.name] = fromXml(member, found);
  }
  return out;
}

function fromXml(member: Member, found: readonly XmlElement[]): unknown {
  const { shape, traits } = member;
  const first = found[0] as XmlElement;
  if (shape.kind === 'list') {
    const items = traits.xmlFlattened ? found : first.children.filter((child) => child.name === (shape.member.traits.xmlName ?? 'member'));
    return items.map((item) => fromXml(shape.member, [item]));
  }
  if (found.length > 1) throw new AwsError(malformed, notWellFormed);
  if (shape.kind === 'structure') return structureFromXml(shape, first);
  if (shape.kind === 'map') {
    const entries = traits.xmlFlattened ? found : first.children.filter((child) => child.name === 'entry');
    return Object.fromEntries(entries.map((entry) => [textOf(entry, shape.key.traits.xmlName ?? 'key'), textOf(entry, shape.value.traits.xmlName ?? 'value')]));
  }
  return shape.kind === 'unit' ? {} : parseScalar(shape, first.text, member.name, malformed);
}
const textOf = (element: XmlElement, name: string): string => element.children.find((child) => child.name === name)?.text ?? '';

/** REST with XML: S3, CloudFront, Route 53. */
export const restXml: Protocol = {
  name: 'restXml',
  unknownAction: 'MethodNotAllowed',
  invalid: 'InvalidRequest',
  malformed: 'InvalidArgument',
  target: matchUri,
  decode(request, operation, target) {
    const { shape } = operation.input;
    if (shape.kind !== 'structure') return {};
    const out = readBindings(request, shape, target, 'InvalidArgument');
    const payload = shape.members.find(({ traits }) => traits.httpPayload);
    if (!payload) {
      const body = shape.members.some(inBody) && request.body.length > 0;
      return body ? { ...out, ...structureFromXml(shape, parse(request.body)) } : out;
    }
    if (payload.shape.kind !== 'structure') {
      const raw = request.stream ?? request.body;
      const isText = payload.shape.kind === 'scalar' && payload.shape.type === 'string';
      return { ...out, [payload.name]: isText && Buffer.isBuffer(raw) ? raw.toString('utf8') : raw };
    }
    return request.body.length === 0 ? out : { ...out, [payload.name]: structureFromXml(payload.shape, parse(request.body)) };
  },
  encode(output, operation, contract, requestId) {
    const { shape } = operation.output;
    const ids = { 'x-amz-request-id': requestId, 'x-amz-id-2': Buffer.from(requestId).toString('base64') };
    if (shape.kind !== 'structure') return { status: operation.http?.status ?? 200, headers: ids, body: undefined };
    const { status, headers } = writeBindings(shape, output, operation.http?.status ?? 200);
    const payload = shape.members.find(({ traits }) => traits.httpPayload);
    if (payload) {
      const value = output[payload.name];
      if (payload.shape.kind !== 'structure' || value === undefined) {
        return { status, headers: { ...ids, ...headers }, body: value as Uint8Array | undefined };
      }
      const name = payload.traits.xmlName ?? payload.name;
      const namespaced: Member = { ...payload, shape: payload.shape, traits: { ...payload.traits, xmlNamespace: contract.namespace } };
      return { status, headers: { ...ids, 'content-type': 'application/xml', ...headers }, body: declaration + writeMember(namespaced, value, name) };
    }
    const members = shape.members.filter(inBody);
    if (members.length === 0) return { status, headers: { ...ids, ...headers }, body: undefined };
    const name = shape.traits.xmlName ?? shape.name;
    const body = `${declaration}<${name} xmlns="${contract.namespace}">${writeMembers(shape, output)}</${name}>`;
    return { status, headers: { ...ids, 'content-type': 'application/xml', ...headers }, body };
  },
  encodeError(error, contract, requestId) {
    const { code, status } = describeError(error, contract);
    const fields = Object.entries(error.fields).map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`);
    const inner = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(error.message)}</Message>${fields.join('')}<RequestId>${requestId}</RequestId>`;
    const headers = { 'content-type': 'application/xml', 'x-amz-request-id': requestId };
    // 304 has no body.
    return status === 304
      ? { status, headers: { 'x-amz-request-id': requestId }, body: undefined }
      : { status, headers, body: `${declaration}<Error>${inner}</Error>` };
  },
};
const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const parse = (body: Buffer): XmlElement => {
  const root = readXml(body.toString('utf8'));
  if (!root) throw new AwsError(malformed, notWellFormed);
  return root;
};

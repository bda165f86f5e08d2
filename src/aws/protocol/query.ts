import { AwsError } from '../gateway/errors.ts';
import { refuseInEc2 } from './findings.ts';
import type { Contract, Member, Operation, Structure } from './schema.ts';
import type { CallRequest, CallResponse, Protocol, Value } from './types.ts';
import { parseScalar } from './values.ts';
import { escapeXml, writeMembers } from './xml.ts';

/** The parameters of a call as a tree: `Tags.member.1.Key=a` is { Tags: { member: { 1: { Key: 'a' } } } }. */
interface Node {
  value?: string;
  readonly children: Map<string, Node>;
}
const invalid = 'MalformedInput';
/** Deeper than any contract. */
const maxDepth = 32;

const forms = new WeakMap<CallRequest, ReadonlyMap<string, string>>();
/** The parameters of body and query. Nothing may be given twice: two readings of one call are one too many. */
export function formOf(request: CallRequest): ReadonlyMap<string, string> {
  let form = forms.get(request);
  if (!form) forms.set(request, (form = readForm(request)));
  return form;
}
function readForm(request: CallRequest): ReadonlyMap<string, string> {
  const form = new Map<string, string>();
  const isForm = (request.header('content-type') ?? '').startsWith('application/x-www-form-urlencoded');
  for (const text of [request.query, isForm ? request.body.toString('utf8') : '']) {
    for (const [name, value] of new URLSearchParams(text)) {
      if (/^x-amz-/i.test(name)) continue;
      if (form.has(name)) throw new AwsError(invalid, `Parameter ${name} is given more than once`);
      form.set(name, value);
    }
  }
  return form;
}

function treeOf(form: ReadonlyMap<string, string>): Node {
  const root: Node = { children: new Map() };
  for (const [name, value] of form) {
    const path = name.split('.');
    if (path.length > maxDepth) throw new AwsError(invalid, `Parameter ${name.slice(0, 60)}… is nested too deep`);
    let node = root;
    for (const part of path) {
      let next = node.children.get(part);
      if (!next) node.children.set(part, (next = { children: new Map() }));
      node = next;
    }
    node.value = value;
  }
  return root;
}

interface Style {
  nameOf(member: Member): string;
  /** Lists have no `member` in between (EC2). */
  readonly flat: boolean;
}

function readStructure(shape: Structure, node: Node, path: string, style: Style): Value {
  const out: Record<string, unknown> = {};
  for (const member of shape.members) {
    const child = node.children.get(style.nameOf(member));
    if (child) out[member.name] = read(member, child, path === '' ? member.name : `${path}.${member.name}`, style);
  }
  return out;
}

function read(member: Member, node: Node, path: string, style: Style): unknown {
  const { shape, traits } = member;
  if (shape.kind === 'structure') return readStructure(shape, node, path, style);
  if (shape.kind === 'list') {
    const flat = style.flat || traits.xmlFlattened === 1;
    const items = flat ? node : node.children.get(shape.member.traits.xmlName ?? 'member');
    return numbered(items, path).map((item, i) => read(shape.member, item, `${path}.${i + 1}.member`, style));
  }
  if (shape.kind === 'map') {
    const entries = numbered(traits.xmlFlattened ? node : node.children.get('entry'), path);
    return Object.fromEntries(
      entries.map((entry) => {
        const key = entry.children.get(shape.key.traits.xmlName ?? 'key')?.value ?? '';
        const value = entry.children.get(shape.value.traits.xmlName ?? 'value');
        return [key, value === undefined ? '' : read(shape.value, value, `${path}.${key}`, style)];
      }),
    );
  }
  if (shape.kind === 'unit') return {};
  return parseScalar(shape, node.value ?? '', path, invalid);
}

/** Items in the order of their numbers; the numbers need not be without gaps. */
function numbered(node: Node | undefined, path: string): Node[] {
  const items = [...(node?.children ?? [])];
  for (const [key] of items) if (!/^\d{1,6}$/.test(key)) throw new AwsError(invalid, `Key ${key} of ${path} is not a number`);
  return items.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, item]) => item);
}

const xmlHeaders = { 'content-type': 'text/xml' };

function decodeWith(style: Style): Protocol['decode'] {
  return (request, operation) => {
    const { shape } = operation.input;
    return shape.kind === 'structure' ? readStructure(shape, treeOf(formOf(request)), '', style) : {};
  };
}

/** The query protocol: STS, IAM, Elastic Load Balancing, CloudFormation … */
export const awsQuery: Protocol = {
  name: 'awsQuery',
  unknownAction: 'InvalidAction',
  invalid: 'ValidationError',
  malformed: invalid,
  target: (request) => named(formOf(request).get('Action')),
  decode: decodeWith({ flat: false, nameOf: ({ name, traits }) => traits.xmlName ?? name }),
  encode(output, operation, contract, requestId) {
    const { shape } = operation.output;
    const { name } = operation;
    const result = shape.kind === 'structure' ? `<${name}Result>${writeMembers(shape, output)}</${name}Result>` : '';
    const metadata = `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    return xml(200, `<${name}Response xmlns="${contract.namespace}">${result}${metadata}</${name}Response>`, requestId);
  },
  encodeError(error, contract, requestId) {
    const { code, status, fault } = describeError(error, contract);
    const type = fault === 'client' ? 'Sender' : 'Receiver';
    const namespace = contract ? ` xmlns="${contract.namespace}"` : '';
    const body = `<Error><Type>${type}</Type><Code>${escapeXml(code)}</Code><Message>${escapeXml(error.message)}</Message></Error>`;
    return xml(status, `<ErrorResponse${namespace}>${body}<RequestId>${requestId}</RequestId></ErrorResponse>`, requestId);
  },
};

/** EC2's own: lists without `member`, names with a capital. */
const upper = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
export const ec2Query: Protocol = {
  name: 'ec2Query',
  unknownAction: 'InvalidAction',
  invalid: 'InvalidParameterValue',
  malformed: invalid,
  refuse: refuseInEc2,
  target: (request) => named(formOf(request).get('Action')),
  decode: decodeWith({ flat: true, nameOf: ({ name, traits }) => traits.ec2QueryName ?? upper(traits.xmlName ?? name) }),
  encode(output, operation, contract, requestId) {
    const { shape } = operation.output;
    const members = shape.kind === 'structure' ? writeMembers(shape, output) : '';
    const { name } = operation;
    return xml(200, `<${name}Response xmlns="${contract.namespace}"><requestId>${requestId}</requestId>${members}</${name}Response>`, requestId);
  },
  encodeError(error, contract, requestId) {
    const { code, status } = describeError(error, contract);
    const body = `<Errors><Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(error.message)}</Message></Error></Errors>`;
    return xml(status, `<Response>${body}<RequestID>${requestId}</RequestID></Response>`, requestId);
  },
};

const named = (name: string | undefined): { name: string } | undefined => (name === undefined || name === '' ? undefined : { name });
const xml = (status: number, body: string, requestId: string): CallResponse => ({
  status,
  headers: { ...xmlHeaders, 'x-amzn-requestid': requestId },
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}\n`,
});

/** Code, status and fault of an error, as the contract has them where the error itself does not say. */
export function describeError(error: AwsError, contract: Contract | undefined): { code: string; status: number; fault: 'client' | 'server' } {
  // The one refusal that every service has; XML and JSON spell it in two ways.
  if (error.code === 'AccessDeniedException') return { code: 'AccessDenied', status: 403, fault: 'client' };
  const exact = contract?.error(error.code);
  const shape = exact ?? contract?.error(`${error.code}Exception`);
  const fault = error.fault ?? shape?.fault ?? ((error.status ?? 400) >= 500 ? 'server' : 'client');
  return { code: exact?.code ?? error.code, status: error.status ?? shape?.status ?? (fault === 'client' ? 400 : 500), fault };
}

/**
 * Services that once spoke the query protocol tell its codes to SDKs that moved on, which still name errors by them
 * (Smithy's awsQueryCompatible).
 */
export function queryErrorHeader(error: AwsError, contract: Contract | undefined): Record<string, string> {
  if (contract?.queryCompatible !== true) return {};
  const { code, fault } = describeError(error, contract);
  return { 'x-amzn-query-error': `${code};${fault === 'client' ? 'Sender' : 'Receiver'}` };
}
export type { Operation };

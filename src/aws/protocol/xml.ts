import type { Member, Structure } from './schema.ts';
import { present, scalarText, type Scalar } from './values.ts';

/** How a protocol writes lists and names its members. */
export interface XmlStyle {
  /** Lists never have an element around them (EC2). */
  readonly flat?: boolean;
  readonly nameOf?: (member: Member) => string;
  readonly listMember?: string;
}

export const escapeXml = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- control characters are what XML must not carry
  text.replaceAll(/[&<>"'\r\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, (c) => entities[c] ?? `&#x${c.charCodeAt(0).toString(16)};`);
const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;', '\r': '&#xD;' };

const nameOf = (member: Member, style: XmlStyle): string => style.nameOf?.(member) ?? member.traits.xmlName ?? member.name;

/** The members of a structure as elements, without an element around them. */
export function writeMembers(shape: Structure, value: Readonly<Record<string, unknown>>, style: XmlStyle = {}): string {
  let out = '';
  for (const [member, given] of present(shape.members, value)) {
    if (member.traits.xmlAttribute || isOutsideBody(member)) continue;
    out += writeMember(member, given, nameOf(member, style), style);
  }
  return out;
}
const isOutsideBody = ({ traits }: Member): boolean =>
  traits.httpHeader !== undefined || traits.httpPrefixHeaders !== undefined || traits.httpResponseCode !== undefined || traits.httpPayload !== undefined;

/** A value as the element of that name. */
export function writeMember(member: Member, value: unknown, name: string, style: XmlStyle = {}): string {
  const { shape, traits } = member;
  if (shape.kind === 'list') return writeList(shape.member, value as readonly unknown[], name, traits.xmlFlattened === 1, style);
  if (shape.kind === 'map') {
    const entries = Object.entries(value as object);
    const [k, v] = [nameOf(shape.key, style), nameOf(shape.value, style)];
    const entry = traits.xmlFlattened ? name : 'entry';
    const inner = entries.map(([key, one]) => `<${entry}><${k}>${escapeXml(key)}</${k}>${writeMember(shape.value, one, v, style)}</${entry}>`).join('');
    return traits.xmlFlattened ? inner : `<${name}>${inner}</${name}>`;
  }
  if (shape.kind === 'structure') {
    const fields = value as Readonly<Record<string, unknown>>;
    return `<${name}${attributes(member, shape, fields)}>${writeMembers(shape, fields, style)}</${name}>`;
  }
  if (shape.kind === 'unit') return `<${name}/>`;
  return `<${name}>${escapeXml(scalarText(shape, value))}</${name}>`;
}

function writeList(member: Member, values: readonly unknown[], name: string, flattened: boolean, style: XmlStyle): string {
  if (flattened) return values.map((one) => writeMember(member, one, name, style)).join('');
  const item = style.listMember ?? nameOf(member, style);
  return `<${name}>${values.map((one) => writeMember(member, one, item, style)).join('')}</${name}>`;
}

function attributes(member: Member, shape: Structure, value: Readonly<Record<string, unknown>>): string {
  let out = '';
  const namespace = member.traits.xmlNamespace ?? shape.traits.xmlNamespace;
  if (typeof namespace === 'string') out += ` xmlns="${escapeXml(namespace)}"`;
  else if (namespace) out += ` xmlns:${namespace[0]}="${escapeXml(namespace[1])}"`;
  for (const [one, given] of present(shape.members, value)) {
    if (one.traits.xmlAttribute) out += ` ${one.traits.xmlName ?? one.name}="${escapeXml(scalarText(one.shape as Scalar, given))}"`;
  }
  return out;
}

export interface XmlElement {
  /** Without its prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: XmlElement[];
  /** What stands in it, without that of its children. */
  text: string;
}
const maxDepth = 64;
const names = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y;

/**
 * Reads a document into elements. There are no entities but the five of XML and numbers, and no document types: what
 * holds one is not well-formed here, so nothing can be expanded or fetched. Undefined when it is not well-formed.
 */
export function readXml(text: string): XmlElement | undefined {
  let at = 0;
  const open: XmlElement[] = [];
  let root: XmlElement | undefined;
  while (at < text.length) {
    const tag = text.indexOf('<', at);
    const between = text.slice(at, tag < 0 ? text.length : tag);
    const parent = open.at(-1);
    if (between !== '') {
      const value = unescape(between);
      if (value === undefined || (!parent && value.replace('\uFEFF', '').trim() !== '')) return undefined;
      if (parent) parent.text += value;
    }
    if (tag < 0) break;
    const skipped = skip(text, tag);
    if (skipped !== undefined) {
      if (skipped.end < 0) return undefined;
      if (skipped.text !== undefined) {
        if (!parent) return undefined;
        parent.text += skipped.text;
      }
      at = skipped.end;
      continue;
    }
    if (text[tag + 1] === '/') {
      const end = text.indexOf('>', tag);
      const closed = open.pop();
      if (end < 0 || !closed || local(text.slice(tag + 2, end).trim()) !== closed.name) return undefined;
      at = end + 1;
      continue;
    }
    const start = readStart(text, tag + 1);
    if (!start || open.length >= maxDepth || (!parent && root)) return undefined;
    if (parent) parent.children.push(start.element);
    else root = start.element;
    if (!start.empty) open.push(start.element);
    at = start.end;
  }
  return open.length === 0 ? root : undefined;
}

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

/** Comments, declarations and CDATA: where they end (-1: nowhere); undefined when it is something else. */
function skip(text: string, tag: number): { end: number; text?: string } | undefined {
  const until = (mark: string, from: number): number => {
    const end = text.indexOf(mark, from);
    return end < 0 ? -1 : end + mark.length;
  };
  if (text.startsWith('<!--', tag)) return { end: until('-->', tag + 4) };
  if (text.startsWith('<?', tag)) return { end: until('?>', tag + 2) };
  if (text.startsWith('<![CDATA[', tag)) {
    const end = until(']]>', tag + 9);
    return { end, text: text.slice(tag + 9, end - 3) };
  }
  return text.startsWith('<!', tag) ? { end: -1 } : undefined;
}

function readStart(text: string, from: number): { element: XmlElement; empty: boolean; end: number } | undefined {
  names.lastIndex = from;
  const name = names.exec(text)?.[0];
  if (name === undefined) return undefined;
  const attributes = new Map<string, string>();
  let at = from + name.length;
  for (;;) {
    while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
    if (text[at] === '>') return { element: { name: local(name), attributes, children: [], text: '' }, empty: false, end: at + 1 };
    if (text.startsWith('/>', at)) return { element: { name: local(name), attributes, children: [], text: '' }, empty: true, end: at + 2 };
    names.lastIndex = at;
    const key = names.exec(text)?.[0];
    if (key === undefined) return undefined;
    at += key.length;
    const quote = /^\s*=\s*(["'])/.exec(text.slice(at, at + 32));
    if (!quote) return undefined;
    const start = at + quote[0].length;
    const end = text.indexOf(quote[1] as string, start);
    const value = end < 0 ? undefined : unescape(text.slice(start, end));
    if (value === undefined || attributes.has(key)) return undefined;
    attributes.set(key, value);
    at = end + 1;
  }
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
function unescape(text: string): string | undefined {
  if (!text.includes('&')) return text;
  let wrong = false;
  const out = text.replaceAll(/&([^;&]{0,10};?)/g, (_all, body: string) => {
    const name = body.endsWith(';') ? body.slice(0, -1) : '';
    if (entities[name] !== undefined) return entities[name];
    const code = /^#x[0-9a-f]{1,6}$/i.test(name) ? Number.parseInt(name.slice(2), 16) : /^#\d{1,7}$/.test(name) ? Number(name.slice(1)) : -1;
    if (code < 0 || code > 0x10_ffff) {
      wrong = true;
      return '';
    }
    return String.fromCodePoint(code);
  });
  return wrong ? undefined : out;
}

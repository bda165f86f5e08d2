import { readsFirst } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { List, LiteralMap, Opaque, type Value } from '../values.ts';

interface Parts {
  scheme: string;
  host: string;
  path: string;
  query: string;
}

/** Go's url.ParseRequestURI: an absolute URI or an absolute path. */
function parse(text: string): Parts | undefined {
  // oxlint-disable-next-line no-control-regex -- control characters are what the rule forbids
  if (/[\x00-\x20\x7f]/.test(text) || /%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/.exec(text);
  if (!match) return undefined;
  const [, scheme = '', authority, path = '', query = ''] = match;
  if (scheme === '' && !text.startsWith('/')) return undefined;
  if (scheme === '' && authority !== undefined) return { scheme, host: '', path: `//${authority}${path}`, query };
  const host = (authority ?? '').replace(/^.*@/, '');
  if (!/^(\[[0-9a-fA-F:.%\w]+\]|[^[\]:]*)(:\d*)?$/.test(host)) return undefined;
  return { scheme: scheme.toLowerCase(), host, path: scheme !== '' && authority === undefined && !path.startsWith('/') ? '' : path, query };
}

class Url extends Opaque {
  readonly type = 'kubernetes.URL';
  readonly text: string;
  readonly parts: Parts;
  constructor(text: string, parts: Parts) {
    super();
    this.text = text;
    this.parts = parts;
  }
  equals(other: this): boolean {
    return this.text === other.text;
  }
}
function url(text: string): Url {
  const parts = parse(text);
  if (!parts) throw new CelError(`URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`);
  return new Url(text, parts);
}
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
function query({ parts }: Url): LiteralMap {
  const values = new Map<string, Value[]>();
  for (const part of parts.query.split('&')) {
    if (part === '') continue;
    const [name = '', ...rest] = part.split('=');
    const key = decoded(name);
    values.set(key, [...(values.get(key) ?? []), decoded(rest.join('='))]);
  }
  return LiteralMap.of([...values].map(([key, items]) => [key, new List(items)]));
}
const escaped = (path: string): string => path.replace(/[^!-~]|["<>\\^`{|}]/gu, (c) => encodeURIComponent(c));

/** Kubernetes' URL library. */
export const urls: readonly FunctionSpec[] = [
  ['url(string) URL', url, readsFirst],
  ['isURL(string) bool', (text: string) => parse(text) !== undefined, readsFirst],
  ['URL.getScheme() string', ({ parts }: Url) => parts.scheme],
  ['URL.getHost() string', ({ parts }: Url) => parts.host],
  ['URL.getHostname() string', ({ parts }: Url) => parts.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1')],
  ['URL.getPort() string', ({ parts }: Url) => /:(\d*)$/.exec(parts.host)?.[1] ?? ''],
  ['URL.getEscapedPath() string', ({ parts }: Url) => escaped(parts.path)],
  ['URL.getQuery() map<string, list<string>>', query],
];

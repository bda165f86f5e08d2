/** What a URL asks for, cut by hand: the hot path makes no URL object. */
export interface RequestInfo {
  readonly method: string;
  readonly path: string;
  /** Undefined when the URL has no question mark. */
  readonly query: URLSearchParams | undefined;
  /** Set for /api/v1/… and /apis/GROUP/VERSION/… */
  readonly resource: ResourcePath | undefined;
  /** API verb for resources; lower-case method otherwise. */
  readonly verb: string;
}
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** Of a proxy: the path behind it, as it was sent; '' when there is none. */
  readonly rest?: string;
  /** The old form of a watch: /api/v1/watch/… */
  readonly watch?: boolean;
}

const empty = new URLSearchParams();
export function queryOf(info: RequestInfo): URLSearchParams {
  return info.query ?? empty;
}

/** Throws URIError on a malformed escape. */
export function parseRequest(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? undefined : new URLSearchParams(url.slice(mark + 1));
  const resource = withRest(parseResource(path.includes('%') ? decodeURIComponent(path) : path), path);
  return { method, path, query, resource, verb: verbOf(method, resource, query) };
}

function verbOf(method: string, resource: ResourcePath | undefined, query: URLSearchParams | undefined): string {
  if (!resource) return method.toLowerCase();
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (resource.watch) return 'watch';
      if (resource.name && !resource.subresource) return isWatch(query) && query?.get('fieldSelector') ? 'watch' : 'get';
      if (resource.name) return 'get';
      return isWatch(query) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return resource.name ? 'delete' : 'deletecollection';
    default:
      return method.toLowerCase();
  }
}
function isWatch(query: URLSearchParams | undefined): boolean {
  const value = query?.get('watch');
  return value === '1' || value === 'true' || value === '';
}

function parseResource(path: string): ResourcePath | undefined {
  const parts = path.split('/');
  if (parts.at(-1) === '') parts.pop();
  if (parts[1] === 'api' && parts.length > 3) return fromParts('', parts[2] ?? '', parts.slice(3));
  if (parts[1] === 'apis' && parts.length > 4) return fromParts(parts[2] ?? '', parts[3] ?? '', parts.slice(4));
  return undefined;
}

/** Paths under /namespaces/NAME that are subresources of the namespace and not resources in it. */
const namespaceSubresources = new Set(['status', 'finalize']);

function fromParts(group: string, version: string, parts: string[]): ResourcePath {
  if (parts[0] === 'watch' && parts.length > 1) return { ...fromParts(group, version, parts.slice(1)), watch: true };
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 2 && !namespaceSubresources.has(parts[2] as string)) {
    namespace = parts[1] ?? '';
    parts = parts.slice(2);
  }
  const [plural = '', name = '', ...rest] = parts;
  return { group, version, plural, namespace, name, subresource: rest[0] === 'proxy' ? 'proxy' : rest.join('/') };
}

/** A proxied path is nobody's business but the backend's: escapes and slashes stay as they were sent. */
function withRest(resource: ResourcePath | undefined, path: string): ResourcePath | undefined {
  if (resource?.subresource !== 'proxy') return resource;
  const parts = path.split('/');
  const before = parts.indexOf('proxy', resource.namespace && resource.plural !== 'namespaces' ? 7 : 5);
  return {
    ...resource,
    rest: parts
      .slice(before + 1)
      .map((part) => `/${part}`)
      .join(''),
  };
}

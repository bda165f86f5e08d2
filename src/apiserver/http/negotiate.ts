import { ApiError, badRequest } from '#machinery';
import type { Request } from './types.ts';

/** How the client wants objects: as they are, as rows of a Table, or their metadata only. */
export type View = 'object' | 'table' | 'metadata';

const plain = new Set(['', '*/*', 'application/json', 'application/*', 'application/json, */*', 'application/json;stream=watch']);

/** Picks the first acceptable media type. Throws NotAcceptable when JSON and YAML are none of them; a stream is JSON. */
export function negotiate(request: Request, stream = false): View {
  const accept = request.headers.accept ?? '';
  if (plain.has(accept)) return 'object';
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (type === '*/*' || type === 'application/*') return 'object';
    if (type !== 'application/json' && (type !== 'application/yaml' || stream)) continue;
    const view = viewOf(parameters);
    if (view) return view;
  }
  throw notAcceptable(stream);
}
export function notAcceptable(stream = false): ApiError {
  return new ApiError('NotAcceptable', `only the following media types are accepted: application/json${stream ? '' : ', application/yaml'}`);
}
/** Whether YAML comes before everything else that this server could send. */
export function prefersYaml(accept: string): boolean {
  for (const clause of accept.split(',')) {
    const type = clause.split(';', 1)[0]?.trim();
    if (type === 'application/yaml') return true;
    if (type === 'application/json' || type === '*/*' || type === 'application/*') return false;
  }
  return false;
}
function viewOf(parameters: readonly string[]): View | undefined {
  const get = (name: string): string | undefined => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1);
  const as = get('as');
  if (as === undefined) return 'object';
  if ((get('g') ?? 'meta.k8s.io') !== 'meta.k8s.io' || (get('v') ?? 'v1') !== 'v1') return undefined;
  if (as === 'Table') return 'table';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'metadata' : undefined;
}

/** The media type of the body without parameters; JSON when the client says nothing. */
export function bodyType(request: Request): string {
  const header = request.headers['content-type'];
  if (!header) return 'application/json';
  const end = header.indexOf(';');
  return (end < 0 ? header : header.slice(0, end)).trim().toLowerCase();
}
export function refuseBodyType(type: string, accepted: readonly string[]): ApiError {
  const hint = type === 'application/vnd.kubernetes.protobuf' ? ' (this server speaks JSON; set the content type of the client to application/json)' : '';
  return new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}${hint}`);
}

export function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d{1,18}$/.test(text)) throw badRequest(`Invalid value: "${text}": strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
}
export function booleanParameter(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  return text === '' || text === 'true' || text === '1';
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';
/** What the rows of a Table carry. Throws BadRequest. */
export function includedObject(text: string | null): IncludeObject {
  if (!text) return 'Metadata';
  if (text === 'None' || text === 'Metadata' || text === 'Object') return text;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(text)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

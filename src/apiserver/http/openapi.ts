import { createHash } from 'node:crypto';
import {
  ApiError,
  openApiV2,
  openApiV2Protobuf,
  openApiV2ProtobufContentType,
  openApiV2ProtobufType,
  openApiV3,
  openApiV3Index,
  type Kind,
  type OpenApiInfo,
  type OpenApiSource,
} from '#machinery';
import type { DocumentOptions } from './documents.ts';
import { sendJson, writeHead } from './respond.ts';
import type { Exchange } from './types.ts';

const prefix = '/openapi/v3/';
const json = 'application/json';

type OpenApiOptions = Omit<DocumentOptions, 'computed'>;
interface Rendered {
  readonly body: Buffer;
  readonly etag: string;
  readonly type: string;
}

/** /openapi/v2, /openapi/v3 and its documents per group version; made when first asked for and kept as bytes. */
export class OpenApi {
  readonly #options: OpenApiOptions;
  readonly #info: OpenApiInfo;
  readonly #made = new Map<string, Rendered>();
  #hashes: Map<string, string> | undefined;

  constructor(options: OpenApiOptions) {
    this.#options = options;
    this.#info = { title: 'Kubernetes', version: options.version.gitVersion ?? 'v1.36.0' };
  }
  /** The documents of other group versions stay as they are. */
  forget(kind: Kind): void {
    this.#hashes = undefined;
    const own = `${prefix}${kind.group ? `apis/${kind.apiVersion}` : `api/${kind.version}`} `;
    for (const key of this.#made.keys()) if (!key.startsWith(prefix) || key.startsWith(own)) this.#made.delete(key);
  }
  forgetAll(): void {
    this.#hashes = undefined;
    for (const key of this.#made.keys()) if (!key.startsWith(prefix)) this.#made.delete(key);
  }
  /** Gives the code, or undefined when the path is none of these. Throws NotAcceptable when the client takes no form that the document has. */
  handle(exchange: Exchange, path: string): number | undefined {
    if (path !== '/openapi/v2' && path !== '/openapi/v3' && !path.startsWith(prefix)) return undefined;
    if (!this.#options.descriptions) return undefined;
    const document = this.#document(path, acceptedType(exchange.request.headers.accept, path));
    if (!document) return undefined;
    const hash = exchange.info.query?.get('hash');
    const wanted = path.startsWith(prefix) ? this.#hash(path.slice(prefix.length)) : undefined;
    if (hash && wanted && hash !== wanted) return redirect(exchange, `${path}?hash=${wanted}`);
    return answer(exchange, document, hash ? { 'cache-control': 'public, immutable, max-age=31536000' } : {});
  }
  #document(path: string, type: string): Rendered | undefined {
    const key = `${path} ${type}`;
    let document = this.#made.get(key);
    if (!document) {
      const body = this.#body(path, type);
      if (!body) return undefined;
      document = { body, type, etag: `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"` };
      this.#made.set(key, document);
    }
    return document;
  }
  #body(path: string, type: string): Buffer | undefined {
    if (type === openApiV2ProtobufContentType) return openApiV2Protobuf(this.#v2());
    const value = this.#make(path);
    return value === undefined ? undefined : Buffer.from(JSON.stringify(value));
  }
  #make(path: string): unknown {
    const { overlay, kinds } = this.#options;
    if (path === '/openapi/v3') {
      const index = openApiV3Index(kinds(), this.#info);
      return overlay?.openapiIndex(index) ?? index;
    }
    return path === '/openapi/v2' ? this.#v2() : openApiV3(this.#source(), path.slice(prefix.length), this.#info);
  }
  #v2(): ReturnType<typeof openApiV2> {
    const own = openApiV2(this.#source(), this.#info);
    return this.#options.overlay?.openapiV2(own) ?? own;
  }
  #source(): OpenApiSource {
    const { kinds, schemas, descriptions } = this.#options;
    return { kinds: kinds(), schemas, descriptions: descriptions?.() ?? {} };
  }
  #hash(path: string): string | undefined {
    this.#hashes ??= new Map(
      Object.entries(openApiV3Index(this.#options.kinds(), this.#info).paths).map(([key, { serverRelativeURL }]) => [
        key,
        serverRelativeURL.slice(serverRelativeURL.indexOf('hash=') + 5),
      ]),
    );
    return this.#hashes.get(path);
  }
}

/**
 * The Content-Type of the first form in the Accept header that the document has: JSON, and for version 2 also protobuf,
 * which is all that kubectl up to 1.28 asks for. Throws NotAcceptable.
 */
function acceptedType(accept: string | undefined, path: string): string {
  const protobuf = path === '/openapi/v2';
  for (const clause of (accept ?? '*/*').split(',')) {
    const type = clause.split(';', 1)[0]!.trim().toLowerCase();
    if (type === json || type === '*/*' || type === 'application/*') return json;
    if (protobuf && (type === openApiV2ProtobufType || type === openApiV2ProtobufContentType)) return openApiV2ProtobufContentType;
  }
  const types = protobuf ? [json, openApiV2ProtobufType] : [json];
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${types.join(', ')}`);
}
function redirect({ response }: Exchange, location: string): number {
  writeHead(response, 301, { location, 'content-length': 0 });
  response.end();
  return 301;
}
function answer({ request, response }: Exchange, { body, etag, type }: Rendered, headers: Record<string, string>): number {
  if (request.headers['if-none-match'] === etag) {
    writeHead(response, 304, { etag, ...headers });
    response.end();
    return 304;
  }
  void sendJson(response, 200, body, { request, headers: { etag, 'content-type': type, vary: 'Accept', ...headers } });
  return 200;
}

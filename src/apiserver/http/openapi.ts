import { createHash } from 'node:crypto';
import { ApiError, openApiV2, openApiV3, openApiV3Index, type OpenApiInfo } from '#machinery';
import type { DocumentOptions } from './documents.ts';
import { sendJson, writeHead } from './respond.ts';
import type { Exchange } from './types.ts';

const prefix = '/openapi/v3/';

interface Rendered {
  readonly body: Buffer;
  readonly etag: string;
}

/** /openapi/v2, /openapi/v3 and its documents per group version; made when first asked for and kept as bytes. */
export class OpenApi {
  readonly #options: DocumentOptions;
  readonly #info: OpenApiInfo;
  readonly #made = new Map<string, Rendered | undefined>();
  #hashes: Map<string, string> | undefined;

  constructor(options: DocumentOptions) {
    this.#options = options;
    this.#info = { title: 'Kubernetes', version: options.version.gitVersion ?? 'v1.36.0' };
  }
  /** Gives the code, or undefined when the path is none of these. Throws NotAcceptable for clients that want protobuf only. */
  handle(exchange: Exchange, path: string): number | undefined {
    if (path !== '/openapi/v2' && path !== '/openapi/v3' && !path.startsWith(prefix)) return undefined;
    if (!this.#options.descriptions) return undefined;
    const accept = exchange.request.headers.accept ?? '*/*';
    if (!/application\/json|\*\/\*|application\/\*/.test(accept)) throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json');
    const document = this.#document(path);
    if (!document) return undefined;
    const hash = exchange.info.query?.get('hash');
    const wanted = path.startsWith(prefix) ? this.#hash(path.slice(prefix.length)) : undefined;
    if (hash && wanted && hash !== wanted) return redirect(exchange, `${path}?hash=${wanted}`);
    return answer(exchange, document, hash ? { 'cache-control': 'public, immutable, max-age=31536000' } : {});
  }
  #document(path: string): Rendered | undefined {
    if (!this.#made.has(path)) {
      const value = this.#make(path);
      if (value === undefined) return undefined;
      const body = Buffer.from(JSON.stringify(value));
      this.#made.set(path, { body, etag: `"${createHash('sha256').update(body).digest('hex').toUpperCase()}"` });
    }
    return this.#made.get(path);
  }
  #make(path: string): unknown {
    const { kinds, schemas } = this.#options;
    if (path === '/openapi/v3') return openApiV3Index(kinds, this.#info);
    const source = { kinds, schemas, descriptions: this.#options.descriptions?.() ?? {} };
    return path === '/openapi/v2' ? openApiV2(source, this.#info) : openApiV3(source, path.slice(prefix.length), this.#info);
  }
  #hash(path: string): string | undefined {
    this.#hashes ??= new Map(
      Object.entries(openApiV3Index(this.#options.kinds, this.#info).paths).map(([key, { serverRelativeURL }]) => [key, serverRelativeURL.slice(serverRelativeURL.indexOf('hash=') + 5)]),
    );
    return this.#hashes.get(path);
  }
}

function redirect({ response }: Exchange, location: string): number {
  writeHead(response, 301, { location, 'content-length': 0 });
  response.end();
  return 301;
}
function answer({ request, response }: Exchange, { body, etag }: Rendered, headers: Record<string, string>): number {
  if (request.headers['if-none-match'] === etag) {
    writeHead(response, 304, { etag, ...headers });
    response.end();
    return 304;
  }
  sendJson(response, 200, body, { request, headers: { etag, vary: 'Accept', ...headers } });
  return 200;
}

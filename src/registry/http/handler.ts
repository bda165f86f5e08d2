import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '#base';
import { RegistryError } from '../errors.ts';
import { checkRepository } from '../names.ts';
import type { Registry } from '../registry.ts';
import type { AccessRequest, Authorize } from '../types.ts';
import type { Exchange } from './exchange.ts';
import { resources, type Route } from './routes.ts';

export interface HandlerOptions {
  registry: Registry;
  authorize: Authorize;
  log: Logger;
  /** Whether a pull of a manifest that was allowed is remembered as the last one. Default: yes. */
  recordsPull?(request: AccessRequest): boolean | Promise<boolean>;
  /** Which of several registries a request means, by its Host, say. Default: ''. Throws a RegistryError when it cannot be told. */
  registryOf?(request: IncomingMessage, repository: string | undefined): string | Promise<string>;
}

/** Answers requests of the distribution protocol. Never rejects: what goes wrong is an answer. */
export function createHandler(options: HandlerOptions): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    response.setHeader('docker-distribution-api-version', 'registry/2.0');
    try {
      await serve(options, request, response);
    } catch (error) {
      refuse(options, request, response, error);
    }
  };
}

async function serve(options: HandlerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { path, query } = takeApart(request.url ?? '/');
  const found = find(request.method ?? 'GET', path);
  const name = found.name === undefined ? undefined : checkRepository(found.name);
  const registry = (await options.registryOf?.(request, name)) ?? '';
  const access: AccessRequest = {
    message: request,
    registry,
    repository: name,
    action: found.route.action,
    operation: found.route.operation,
    reference: found.reference,
  };
  await options.authorize(access);
  const exchange: Exchange = {
    registry: options.registry,
    request,
    response,
    query,
    repository: { registry, name: name ?? '' },
    reference: found.reference,
    recordsPull: () => options.recordsPull?.(access) ?? true,
    mayMount: async (digest, from) => {
      try {
        await options.authorize({ message: request, registry, repository: from, action: 'pull', operation: 'blob-mount', reference: digest, into: name ?? '' });
        return true;
      } catch (error) {
        if (error instanceof RegistryError) return false;
        throw error;
      }
    },
  };
  await found.route.handle(exchange);
}

function takeApart(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  const raw = mark < 0 ? url : url.slice(0, mark);
  let path: string;
  try {
    path = decodeURIComponent(raw);
  } catch {
    throw new RegistryError('NAME_INVALID', 'the path is not valid percent-encoding');
  }
  return { path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}

function find(method: string, path: string): { route: Route; name: string | undefined; reference: string } {
  const rest = path === '/v2' ? '' : path.startsWith('/v2/') ? path.slice(4) : undefined;
  if (rest !== undefined && rest.length <= 1024) {
    for (const resource of resources) {
      const match = resource.path.exec(rest);
      if (!match) continue;
      const route = resource.routes.find((r) => r.method === method);
      if (!route) {
        throw new RegistryError('UNSUPPORTED', `${method} is not supported here`, undefined, {
          headers: { allow: resource.routes.map((r) => r.method).join(', ') },
        });
      }
      return { route, name: match.groups?.['name'], reference: match.groups?.['reference'] ?? '' };
    }
  }
  throw new RegistryError('UNSUPPORTED', 'no such endpoint: this is an OCI registry, its endpoints are below /v2/', undefined, { status: 404 });
}

function refuse(options: HandlerOptions, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const known = error instanceof RegistryError ? error : unexpected(options, request, error);
  if (response.headersSent || response.destroyed) {
    // In the middle of a body: only cutting it off tells the client that it is not whole.
    response.destroy();
    return;
  }
  const body = known.body();
  // What the client still sends is not read: the connection cannot serve another request after that.
  const close = request.complete || request.readableEnded ? {} : { connection: 'close' };
  response.writeHead(known.status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...close, ...known.headers });
  response.end(request.method === 'HEAD' ? undefined : body);
}
function unexpected(options: HandlerOptions, request: IncomingMessage, error: unknown): RegistryError {
  const code = (error as { code?: string }).code;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new RegistryError('UNKNOWN', 'no space left on the disk of the registry: free some and push again', undefined, { status: 507 });
  const clientLeft = code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ERR_STREAM_UNABLE_TO_PIPE';
  if (!clientLeft) options.log.error('request failed', { method: request.method, path: request.url?.split('?')[0], error });
  return new RegistryError('UNKNOWN', 'unknown error: the log of the registry tells more');
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { http } from '#base';
import { createHandler, type HandlerOptions } from './http/handler.ts';
import { Registry, type RegistryOptions } from './registry.ts';

export interface RegistryServerOptions extends RegistryOptions, Omit<HandlerOptions, 'registry'> {
  /** Addresses to listen on. */
  listen: readonly string[];
  /** 0 takes any free one, the same for all addresses. */
  port: number;
  /** How often space is given back, ms. Default one hour. */
  collectEveryMs?: number;
}

export interface RegistryServer {
  readonly port: number;
  readonly registry: Registry;
  /** Ends every connection; uploads can be gone on with after the next start. */
  stop(): Promise<void>;
}

const HOUR = 60 * 60 * 1000;

/** Serves a registry over HTTP. Resolves when it listens. */
export async function startRegistry(options: RegistryServerOptions): Promise<RegistryServer> {
  const { log, clock } = options;
  const registry = new Registry(options);
  const handler = createHandler({ ...options, registry });
  const running = new Set<Promise<void>>();
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const work = handler(request, response).finally(() => running.delete(work));
    running.add(work);
  };
  const servers: ReturnType<typeof http.createServer>[] = [];
  let port = options.port;
  try {
    for (const host of options.listen) {
      // A large layer over a slow line takes longer than Node's usual five minutes. A higher mark lets a turn of the event loop read all that has come.
      const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 65_000, highWaterMark: 1 << 20 }, serve);
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, resolve);
      });
      port = (server.address() as AddressInfo).port;
    }
  } catch (error) {
    for (const server of servers) server.close();
    await registry.close();
    throw error;
  }
  let stopped = false;
  let collecting: Promise<void> = Promise.resolve();
  const every = options.collectEveryMs ?? HOUR;
  let timer = clock.after(every, collect);
  function collect(): void {
    collecting = registry.collect().then(
      (collected) => {
        if (collected.uploads + collected.links + collected.blobs > 0) log.info('space was given back', { ...collected });
      },
      (error: unknown) => log.error('giving space back failed', { error }),
    );
    if (!stopped) timer = clock.after(every, collect);
  }
  return {
    port,
    registry,
    async stop() {
      stopped = true;
      timer.cancel();
      await Promise.all(
        servers.map((server) => {
          const closed = new Promise<void>((resolve) => server.close(() => resolve()));
          server.closeAllConnections();
          return closed;
        }),
      );
      await Promise.all([collecting, ...running]);
      await registry.close();
    },
  };
}

import type { Client } from '#client';
import { ApiError, type Api } from '#machinery';

/** A client whose API can be cut off, as the network of a machine can. Caches are shared with everybody and go on. */
export interface CutClient extends Client {
  cut(): void;
}

const verbs = ['get', 'list', 'create', 'update', 'patch', 'delete', 'deleteCollection', 'subresource'] as const;

export function cutClient(client: Client): CutClient {
  let isCut = false;
  const refused = (): ApiError => new ApiError('ServiceUnavailable', 'the network of this machine is down');
  const through = Object.fromEntries(
    verbs.map((verb) => {
      const call = client.api[verb].bind(client.api) as (...args: unknown[]) => Promise<unknown>;
      return [verb, (...args: unknown[]): Promise<unknown> => (isCut ? Promise.reject(refused()) : call(...args))];
    }),
  );
  const api = { ...through, watch: client.api.watch.bind(client.api) } as unknown as Api;
  return {
    api,
    clock: client.clock,
    kinds: client.kinds,
    informer: (kind) => client.informer(kind),
    release: (kind) => client.release(kind),
    close: () => {},
    cut: () => void (isCut = true),
  };
}

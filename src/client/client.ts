import { type Clock, type Logger } from '#base';
import type { Api, Kind, KubeObject } from '#machinery';
import { CachingInformer, type Informer } from './informer.ts';

/** An Api with shared caches: one informer per kind, however many ask for it. */
export interface Client {
  readonly api: Api;
  readonly clock: Clock;
  informer<T extends KubeObject>(kind: Kind<T>): Informer<T>;
  /** Ends every informer. */
  close(): void;
}

export function createClient(api: Api, clock: Clock, log: Logger): Client {
  const informers = new Map<Kind, CachingInformer<KubeObject>>();
  return {
    api,
    clock,
    informer<T extends KubeObject>(kind: Kind<T>): Informer<T> {
      const key = kind as unknown as Kind;
      let found = informers.get(key);
      if (!found) informers.set(key, (found = new CachingInformer(key, { api, clock, log })));
      return found as unknown as Informer<T>;
    },
    close() {
      for (const informer of informers.values()) informer.close();
      informers.clear();
    },
  };
}

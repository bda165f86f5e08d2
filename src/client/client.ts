import { type Clock, type Logger } from '#base';
import type { Api, Kind, KubeObject } from '#machinery';
import { CachingInformer, type Informer } from './informer.ts';
import { kindSource, type KindSource } from './kind-source.ts';

/** An Api with shared caches: one informer per kind, however many ask for it. */
export interface Client {
  readonly api: Api;
  readonly clock: Clock;
  /** The kinds that there are now. */
  readonly kinds: KindSource;
  informer<T extends KubeObject>(kind: Kind<T>): Informer<T>;
  /** Ends the informer of a kind that is no longer served. */
  release(kind: Kind): void;
  /** Ends every informer. */
  close(): void;
}

export function createClient(api: Api, clock: Clock, log: Logger, kinds: KindSource = kindSource()): Client {
  const informers = new Map<Kind, CachingInformer<KubeObject>>();
  return {
    api,
    clock,
    kinds,
    release(kind) {
      informers.get(kind)?.close();
      informers.delete(kind);
    },
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

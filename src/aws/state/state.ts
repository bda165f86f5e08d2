import type { Client } from '#client';
import { awsKinds } from '#kinds';
import type { Kind, KubeObject } from '#machinery';
import { deleteAll } from './clear.ts';
import { Table, type AwsObject } from './table.ts';

/** A kind, whatever its objects are. */
export type KindRef = Pick<Kind, 'group' | 'plural' | 'kind'>;

/** The state of all services: one table per kind, in the store that the whole instance has. */
export interface State {
  table<S>(kind: Kind<AwsObject<S>>): Table<S>;
  /** Resolves when the objects of these kinds are in memory. */
  ready(kinds: readonly KindRef[]): Promise<void>;
  /** Deletes everything of every service. Rejects when something could not be deleted; the rest is gone then. */
  clear(): Promise<void>;
  /** Runs one after the other what has the same key: for changes that look at several objects. */
  exclusive<T>(key: string, run: () => Promise<T>): Promise<T>;
}

export function createState(client: Client): State {
  const tables = new Map<Kind, Table<unknown>>();
  const queues = new Map<string, Promise<unknown>>();
  return {
    table<S>(kind: Kind<AwsObject<S>>): Table<S> {
      const key = kind as unknown as Kind<KubeObject>;
      let found = tables.get(key);
      if (!found) tables.set(key, (found = new Table<unknown>(client, kind as unknown as Kind<AwsObject<unknown>>)));
      return found as Table<S>;
    },
    async ready(kinds) {
      await Promise.all(kinds.map((kind) => this.table(kind as unknown as Kind<AwsObject<unknown>>).ready()));
    },
    async clear() {
      // What services wrote down in memory hangs on these objects: all of them go, also of services that nobody called yet.
      const outcomes = await Promise.allSettled(awsKinds.map((kind) => tables.get(kind)?.clear() ?? deleteAll(client.api, kind)));
      for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    },
    exclusive(key, run) {
      const before = queues.get(key) ?? Promise.resolve();
      const mine = before.then(run, run);
      const over = mine.catch(() => {}).then(() => void (queues.get(key) === over && queues.delete(key)));
      queues.set(key, over);
      return mine;
    },
  };
}

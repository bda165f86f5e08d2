import type { Client, Informer } from '#client';
import { ApiError, type Kind } from '#machinery';
import { awsName, type AwsObject } from '#kinds';
import { deleteAll } from './clear.ts';

export type { AwsObject } from '#kinds';

/** Whose things: an account's in a region; global services have `global` as their region. */
export interface Place {
  readonly account: string;
  readonly region: string;
}
export const globalRegion = 'global';

const attempts = 50;
const isStatus = (error: unknown, reason: string): boolean => error instanceof ApiError && error.reason === reason;

/**
 * The things of one kind. Reads come from memory and see every write that was acknowledged before; a write is durable
 * when its promise resolves. What reads give is shared: never change it.
 */
export class Table<S> {
  readonly #client: Client;
  readonly #kind: Kind<AwsObject<S>>;
  readonly #informer: Informer<AwsObject<S>>;
  #waiting: { revision: number; done: () => void }[] = [];

  constructor(client: Client, kind: Kind<AwsObject<S>>) {
    this.#client = client;
    this.#kind = kind;
    this.#informer = client.informer(kind);
    this.#informer.addIndex('place', ({ metadata }) => [(metadata?.name ?? '').split('.', 2).join('.')]);
    this.#informer.onChange((object, old) => this.#seen(Number((object ?? old)?.metadata?.resourceVersion ?? 0)));
  }

  ready(): Promise<void> {
    return this.#informer.ready();
  }
  get(place: Place, id: string): S | undefined {
    return this.#informer.get(undefined, awsName(place.account, place.region, id))?.spec;
  }
  /** In the order of their ids. */
  list(place: Place): S[] {
    const found = this.#informer.byIndex('place', `${place.account}.${place.region}`);
    return found.toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1)).flatMap(({ spec }) => (spec === undefined ? [] : [spec]));
  }
  /** Of every account and region. */
  all(): S[] {
    return this.#informer.list().flatMap(({ spec }) => (spec === undefined ? [] : [spec]));
  }
  /** The things that an index has under a value; `values` must be a pure function of the thing. */
  by(index: string, values: (spec: S) => readonly string[], value: string): S[] {
    this.#informer.addIndex(`spec:${index}`, ({ spec }) => (spec === undefined ? [] : values(spec)));
    return this.#informer.byIndex(`spec:${index}`, value).flatMap(({ spec }) => (spec === undefined ? [] : [spec]));
  }

  /** False when there is one already. */
  async create(place: Place, id: string, spec: S): Promise<boolean> {
    const object = { apiVersion: this.#kind.apiVersion, kind: this.#kind.kind, metadata: { name: awsName(place.account, place.region, id) }, spec };
    try {
      await this.#wait(await this.#client.api.create(this.#kind, object));
      return true;
    } catch (error) {
      if (isStatus(error, 'AlreadyExists')) return false;
      throw error;
    }
  }
  /**
   * Changes one; `change` gives the new one, or the same to leave it, or throws. It runs again when someone else was
   * quicker. Undefined when there is none.
   */
  async update(place: Place, id: string, change: (current: S) => S): Promise<S | undefined> {
    const name = awsName(place.account, place.region, id);
    for (let i = 0; i < attempts; i++) {
      const current = await this.#current(name);
      if (current?.spec === undefined) return undefined;
      const next = change(current.spec);
      if (next === current.spec) return next;
      try {
        await this.#wait(await this.#client.api.update(this.#kind, { ...current, spec: next }));
        return next;
      } catch (error) {
        if (!isStatus(error, 'Conflict') && !isStatus(error, 'NotFound')) throw error;
      }
    }
    throw new Error(`${this.#kind.plural} ${name}: too many writers`);
  }
  /** Makes it what it is to be, whatever there is. */
  async put(place: Place, id: string, make: (current: S | undefined) => S): Promise<S> {
    for (let i = 0; i < attempts; i++) {
      const updated = await this.update(place, id, (current) => make(current));
      if (updated !== undefined) return updated;
      const made = make(undefined);
      if (await this.create(place, id, made)) return made;
    }
    throw new Error(`${this.#kind.plural} ${id}: too many writers`);
  }
  /** What was deleted; undefined when there is none. `check` may refuse by throwing. */
  async delete(place: Place, id: string, check?: (current: S) => void): Promise<S | undefined> {
    const name = awsName(place.account, place.region, id);
    for (let i = 0; i < attempts; i++) {
      const current = await this.#current(name);
      if (current?.spec === undefined) return undefined;
      check?.(current.spec);
      const { resourceVersion } = current.metadata ?? {};
      try {
        await this.#client.api.delete(this.#kind, { name }, resourceVersion === undefined ? {} : { preconditions: { resourceVersion } });
        await this.#gone([current]);
        return current.spec;
      } catch (error) {
        if (isStatus(error, 'NotFound')) return undefined;
        if (!isStatus(error, 'Conflict')) throw error;
      }
    }
    throw new Error(`${this.#kind.plural} ${name}: too many writers`);
  }
  /** Deletes everything of this kind. Rejects when something could not be deleted; the rest is gone then. */
  async clear(): Promise<void> {
    await this.#gone(await deleteAll(this.#client.api, this.#kind));
  }

  async #current(name: string): Promise<AwsObject<S> | undefined> {
    try {
      return await this.#client.api.get(this.#kind, { name });
    } catch (error) {
      if (isStatus(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  /** Until reads see that write. */
  #wait({ metadata }: AwsObject<S>): Promise<void> | undefined {
    const revision = Number(metadata?.resourceVersion ?? 0);
    if (Number(this.#informer.resourceVersion) >= revision) return undefined;
    return new Promise((done) => this.#waiting.push({ revision, done }));
  }
  /** Until reads see that these are gone; what has come in their place may stay. */
  async #gone(objects: readonly AwsObject<S>[]): Promise<void> {
    const left = new Set<string>();
    for (const { metadata } of objects) {
      const { name = '', uid = '' } = metadata ?? {};
      if (this.#informer.get(undefined, name)?.metadata?.uid === uid) left.add(uid);
    }
    if (left.size === 0) return;
    await new Promise<void>((done) => {
      const follower = this.#informer.onChange((object, old) => {
        if (!old || object?.metadata?.uid === old.metadata?.uid || !left.delete(old.metadata?.uid ?? '') || left.size > 0) return;
        follower.close();
        done();
      });
    });
  }
  #seen(revision: number): void {
    if (this.#waiting.length === 0) return;
    const ready = this.#waiting.filter((one) => one.revision <= revision);
    this.#waiting = this.#waiting.filter((one) => one.revision > revision);
    for (const { done } of ready) done();
  }
}

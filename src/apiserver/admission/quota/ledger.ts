import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import type { ObjectReader } from '../../types.ts';
import type { Amounts } from '../pods.ts';
import { countedBy, counter, countName, type Evaluator } from './evaluator.ts';
import { Tally, type ResourceQuota } from './tally.ts';

/** A write that holds a part of quotas until it ends. */
export interface Reservation {
  readonly namespace: string;
  readonly uid: string;
  readonly evaluator: Evaluator;
  readonly object: KubeObject;
}
export interface LedgerOptions {
  readonly reader: ObjectReader;
  /** What serves a resource now; another value when it was withdrawn and came back. */
  readonly served: (group: string, plural: string) => unknown;
  readonly evaluators: readonly Evaluator[];
  readonly now: () => number;
  /** The usage of a quota is another one. Must not throw. */
  readonly changed: (tally: Tally) => void;
  /** The quota was written, and its status may not be ours. */
  readonly written: (tally: Tally) => void;
}

/**
 * What the quotas of every namespace limit and what is used of it. It follows the objects of the cache, so that it is
 * right in the same turn in which a write becomes visible, and knows what writes under way will take. A namespace
 * without quota costs a look-up.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  /** Tallies by namespace and name of the quota. */
  readonly #namespaces = new Map<string, Map<string, Tally>>();
  readonly #evaluators = new Map<string, Evaluator>();
  /** What is followed, by `group/plural`, with what served it when that began. */
  readonly #followed = new Map<string, unknown>();
  readonly #reservations = new Set<Reservation>();

  constructor(options: LedgerOptions) {
    this.#options = options;
    for (const evaluator of options.evaluators) this.#evaluators.set(keyOf(evaluator), evaluator);
    options.reader.observe('', 'resourcequotas', (quota, old) => this.#quotaChanged(quota, old));
  }
  /** The tallies of a namespace by name of the quota; undefined when it has none. */
  tallies(namespace: string | undefined): ReadonlyMap<string, Tally> | undefined {
    return namespace === undefined ? undefined : this.#namespaces.get(namespace);
  }
  evaluator(group: string, plural: string): Evaluator {
    const key = keyOf({ group, plural });
    let found = this.#evaluators.get(key);
    if (!found) this.#evaluators.set(key, (found = counter(group, plural)));
    return found;
  }
  /** All that an object takes, its count included. */
  usage(evaluator: Evaluator, object: KubeObject): Amounts {
    return evaluator.usage(object, this.#options.now()).set(countName(evaluator), one);
  }

  /** Holds what the object of a write will take, in every quota that limits it. Gives the tallies that changed. */
  reserve(reservation: Reservation): Tally[] {
    this.#reservations.add(reservation);
    return this.#each(reservation, (tally, part) => part !== undefined && tally.reserve(reservation.uid, reservation, part));
  }
  /** The write has ended: what is stored counts alone. */
  release(reservation: Reservation): void {
    this.#reservations.delete(reservation);
    const { namespace, uid } = reservation;
    for (const tally of this.tallies(namespace)?.values() ?? []) if (tally.release(uid, reservation)) this.#options.changed(tally);
  }
  #each({ namespace, evaluator, object }: Reservation, visit: (tally: Tally, part: Amounts | undefined) => boolean): Tally[] {
    const usage = this.usage(evaluator, object);
    return [...(this.tallies(namespace)?.values() ?? [])].filter((tally) => visit(tally, tally.part(evaluator, object, usage)));
  }

  /** Looks at every object again, a few hundred between two pauses: what it takes may change by time alone. */
  async recount(pause: () => Promise<void>): Promise<void> {
    for (const [namespace, tallies] of this.#namespaces)
      for (const [name, tally] of tallies)
        for (const evaluator of this.#limiting(tally)) {
          this.follow(evaluator);
          await this.#recount(evaluator, namespace, () => this.#namespaces.get(namespace)?.get(name), pause);
        }
  }
  async #recount(evaluator: Evaluator, namespace: string, current: () => Tally | undefined, pause: () => Promise<void>): Promise<void> {
    const { reader, changed } = this.#options;
    for (const [i, { metadata }] of reader.list(evaluator.group, evaluator.plural, namespace).entries()) {
      if (i % slice === slice - 1) await pause();
      const object = reader.get(evaluator.group, evaluator.plural, namespace, metadata?.name ?? '');
      const tally = current();
      if (object && tally?.look(object.metadata?.uid ?? '', tally.part(evaluator, object, this.usage(evaluator, object)))) changed(tally);
    }
  }
  /** Follows a resource that a quota limits, if it is not followed yet (its kind may have come later than the quota). */
  follow(evaluator: Evaluator): void {
    const { served, reader } = this.#options;
    const kind = served(evaluator.group, evaluator.plural);
    const key = keyOf(evaluator);
    const before = this.#followed.get(key);
    if (kind === undefined || before === kind) return;
    this.#followed.set(key, kind);
    reader.observe(evaluator.group, evaluator.plural, (object, old) => {
      if (this.#followed.get(key) === kind) this.#objectChanged(evaluator, object, old);
    });
    if (before !== undefined) this.#reopen(evaluator);
  }
  /** What went while its kind was not served, nobody told of. */
  #reopen(evaluator: Evaluator): void {
    for (const tallies of this.#namespaces.values()) for (const tally of tallies.values()) if (tally.limits(evaluator).length > 0) this.#open(tally.quota);
  }
  #objectChanged(evaluator: Evaluator, object: KubeObject | undefined, old: KubeObject | undefined): void {
    const { namespace, uid = '' } = (object ?? old)?.metadata ?? {};
    const tallies = this.tallies(namespace);
    if (!tallies) return;
    // Removed and made again under one name: two objects.
    const former = old?.metadata?.uid;
    const usage = object && this.usage(evaluator, object);
    for (const tally of tallies.values()) {
      if (tally.limits(evaluator).length === 0) continue;
      const replaced = former !== undefined && former !== uid && tally.store(former, undefined);
      const changed = tally.store(uid, object && usage && tally.part(evaluator, object, usage));
      if (changed || replaced) this.#options.changed(tally);
    }
  }

  #quotaChanged(quota: ResourceQuota | undefined, old: ResourceQuota | undefined): void {
    const { namespace = '', name = '' } = (quota ?? old)?.metadata ?? {};
    const present = this.#namespaces.get(namespace)?.get(name);
    if (!quota) return this.#close(namespace, name);
    if (present && present.quota.metadata?.uid === quota.metadata?.uid && JSON.stringify(present.quota.spec) === JSON.stringify(quota.spec)) {
      present.quota = quota;
      return this.#options.written(present);
    }
    this.#open(quota);
  }
  #close(namespace: string, name: string): void {
    const tallies = this.#namespaces.get(namespace);
    tallies?.delete(name);
    if (tallies?.size === 0) this.#namespaces.delete(namespace);
  }
  /** Begins to keep a quota, or begins anew: from what is stored, and what is under way. */
  #open(quota: ResourceQuota): void {
    const { namespace = '', name = '' } = quota.metadata ?? {};
    const tally = new Tally(quota);
    let tallies = this.#namespaces.get(namespace);
    if (!tallies) this.#namespaces.set(namespace, (tallies = new Map()));
    tallies.set(name, tally);
    for (const evaluator of this.#limiting(tally)) {
      this.follow(evaluator);
      for (const object of this.#options.reader.list(evaluator.group, evaluator.plural, namespace))
        tally.store(object.metadata?.uid ?? '', tally.part(evaluator, object, this.usage(evaluator, object)));
    }
    for (const reservation of this.#reservations) {
      if (reservation.namespace !== namespace) continue;
      const part = tally.part(reservation.evaluator, reservation.object, this.usage(reservation.evaluator, reservation.object));
      if (part) tally.reserve(reservation.uid, reservation, part);
    }
    this.#options.changed(tally);
  }
  /** Everything that a quota limits something of. */
  #limiting(tally: Tally): Evaluator[] {
    for (const name of tally.hard.keys()) {
      const counted = countedBy(name);
      if (counted) this.evaluator(counted.group, counted.plural);
    }
    return [...this.#evaluators.values()].filter((evaluator) => tally.limits(evaluator).length > 0);
  }
}

const one = wholeAmount(1);
/** Objects that are looked at in one go: a few milliseconds. */
const slice = 500;
const keyOf = ({ group, plural }: Pick<Evaluator, 'group' | 'plural'>): string => `${group}/${plural}`;

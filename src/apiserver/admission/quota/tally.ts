import { addAmounts, formatAmount, maxAmount, zeroAmount, type Amount } from '#base';
import type { KubeObject } from '#machinery';
import { amountsOf, type Amounts, type ResourceList } from '../pods.ts';
import { countName, type Evaluator, type ScopeRequirement } from './evaluator.ts';

export interface ResourceQuota extends KubeObject {
  spec?: { hard?: ResourceList; scopes?: string[]; scopeSelector?: { matchExpressions?: ScopeRequirement[] } };
  status?: { hard?: ResourceList; used?: ResourceList };
}

/** What one object takes: what is stored, and what writes that are under way would make of it. */
interface Share {
  stored: Amounts | undefined;
  reserved: Map<object, Amounts> | undefined;
  /** The most of all these: what counts. */
  counted: Amounts;
}
const nothing: Amounts = new Map();

/** One ResourceQuota and what is used of it, object by object: whatever is taken away is exactly what was added. */
export class Tally {
  quota: ResourceQuota;
  readonly hard: Amounts;
  /** By resource; every resource that is limited has one. */
  readonly used: Amounts;
  readonly #requirements: readonly ScopeRequirement[];
  readonly #shares = new Map<string, Share>();
  readonly #limited = new Map<Evaluator, readonly string[]>();

  constructor(quota: ResourceQuota) {
    this.quota = quota;
    this.hard = amountsOf(quota.spec?.hard);
    this.used = new Map([...this.hard.keys()].map((name) => [name, zeroAmount]));
    const scopes = (quota.spec?.scopes ?? []).map((scopeName): ScopeRequirement => ({ scopeName, operator: 'Exists' }));
    this.#requirements = [...scopes, ...(quota.spec?.scopeSelector?.matchExpressions ?? [])];
  }
  /** Names of what this quota limits of a resource. */
  limits(evaluator: Evaluator): readonly string[] {
    let names = this.#limited.get(evaluator);
    if (!names) {
      const count = countName(evaluator);
      names = [...this.hard.keys()].filter((name) => name === count || evaluator.limits(name));
      this.#limited.set(evaluator, names);
    }
    return names;
  }
  concerns(evaluator: Evaluator, object: KubeObject): boolean {
    if (this.limits(evaluator).length === 0) return false;
    return this.#requirements.every((requirement) => evaluator.inScope?.(object, requirement) === true);
  }
  /** The part of a usage that this quota limits; undefined when the object is none of its business. */
  part(evaluator: Evaluator, object: KubeObject, usage: Amounts): Amounts | undefined {
    if (!this.concerns(evaluator, object)) return undefined;
    const part: Amounts = new Map();
    for (const name of this.limits(evaluator)) {
      const amount = usage.get(name);
      if (amount?.nano) part.set(name, amount);
    }
    return part;
  }

  /** What is stored of an object, undefined when it is gone or elsewhere. Ends what was reserved for it: the write was seen. Gives whether anything changed. */
  store(uid: string, stored: Amounts | undefined): boolean {
    return this.#set(uid, stored?.size ? stored : undefined, undefined);
  }
  /** What is stored of an object, seen again: nothing was written. */
  look(uid: string, stored: Amounts | undefined): boolean {
    return this.#set(uid, stored?.size ? stored : undefined, this.#shares.get(uid)?.reserved);
  }
  /** Holds what a write would take, until it is stored or released. */
  reserve(uid: string, token: object, amounts: Amounts): boolean {
    const share = this.#shares.get(uid);
    return this.#set(uid, share?.stored, new Map(share?.reserved).set(token, amounts));
  }
  release(uid: string, token: object): boolean {
    const share = this.#shares.get(uid);
    if (!share?.reserved?.has(token)) return false;
    const left = new Map(share.reserved);
    left.delete(token);
    return this.#set(uid, share.stored, left.size > 0 ? left : undefined);
  }
  #set(uid: string, stored: Amounts | undefined, reserved: Map<object, Amounts> | undefined): boolean {
    const before = this.#shares.get(uid)?.counted ?? nothing;
    const counted = most([stored, ...(reserved?.values() ?? [])]);
    if (stored || reserved) this.#shares.set(uid, { stored, reserved, counted });
    else this.#shares.delete(uid);
    if (counted === before) return false;
    let changed = false;
    for (const [name, value] of counted) if (this.#add(name, value.nano - amount(before, name), value)) changed = true;
    for (const [name, value] of before) if (!counted.has(name) && this.#add(name, -value.nano, value)) changed = true;
    return changed;
  }
  #add(name: string, nano: bigint, { format }: Amount): boolean {
    if (nano === 0n) return false;
    this.used.set(name, addAmounts(this.used.get(name) ?? zeroAmount, { nano, format }));
    return true;
  }

  /** What of a further need goes beyond the limit, as kube-apiserver tells it; undefined when it fits. */
  excess(need: Amounts): string | undefined {
    const exceeded = [...need.keys()].filter((name) => amount(this.used, name) + amount(need, name) > amount(this.hard, name)).toSorted();
    if (exceeded.length === 0) return undefined;
    const list = (of: Amounts): string => exceeded.map((name) => `${name}=${formatAmount(of.get(name) ?? zeroAmount)}`).join(',');
    return `exceeded quota: ${this.quota.metadata?.name}, requested: ${list(need)}, used: ${list(this.used)}, limited: ${list(this.hard)}`;
  }
  /** The quota with the status that is true now; the very same object when it has it already. */
  withStatus(current: ResourceQuota): ResourceQuota {
    const hard = texts(this.hard);
    const used = texts(this.used);
    if (same(current.status?.hard, hard) && same(current.status?.used, used)) return current;
    return { ...current, metadata: { ...current.metadata }, status: { ...current.status, hard, used } };
  }
}

const amount = (of: Amounts, name: string): bigint => of.get(name)?.nano ?? 0n;
function most(all: readonly (Amounts | undefined)[]): Amounts {
  const given = all.filter((one) => one !== undefined);
  if (given.length <= 1) return given[0] ?? nothing;
  const out: Amounts = new Map();
  for (const one of given) for (const [name, value] of one) out.set(name, maxAmount(out.get(name) ?? value, value));
  return out;
}
function texts(amounts: Amounts): ResourceList {
  const sorted = [...amounts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, value]: [string, Amount]) => [name, formatAmount(value)]));
}
function same(a: ResourceList | undefined, b: ResourceList): boolean {
  const names = Object.keys(a ?? {});
  return a !== undefined && names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

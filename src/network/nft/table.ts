import { baseTable } from './base.ts';
import type { TableSettings, Unit } from './unit.ts';

/**
 * The whole table as it is in the kernel, kept as units, and the text that moves it from one state to the next.
 * Pure: applying the text is the caller's work, and a caller that failed must apply `full()` next.
 */
export class Table {
  readonly #settings: TableSettings;
  readonly #units = new Map<string, Unit>();
  /** set → element → owner → value. Two owners may want the same element; the first by key has it. */
  readonly #claims = new Map<string, Map<string, Map<string, string>>>();

  constructor(settings: TableSettings) {
    this.#settings = settings;
  }
  get(key: string): Unit | undefined {
    return this.#units.get(key);
  }
  units(): IterableIterator<Unit> {
    return this.#units.values();
  }
  /** Values of an element's owners, for checks. */
  element(set: string, element: string): string | undefined {
    return winner(this.#claims.get(set)?.get(element));
  }

  /** Takes new units (undefined removes) and returns the transaction; '' when nothing changes. */
  change(changes: ReadonlyMap<string, Unit | undefined>): string {
    const text = new Transaction(this.#settings.table);
    for (const [key, next] of changes) this.#changeChains(text, this.#units.get(key), next);
    this.#changeElements(text, changes);
    for (const [key, next] of changes) {
      if (next && !isEmpty(next)) this.#units.set(key, next);
      else this.#units.delete(key);
    }
    return text.toString();
  }

  /** Replaces the table, whatever is there, in one transaction. */
  full(): string {
    const { table } = this.#settings;
    const base = baseTable(this.#settings);
    const sets = new Map(base.sets);
    const chains = new Map<string, readonly string[]>(base.chains);
    for (const unit of this.#units.values()) {
      for (const [name, declaration] of unit.sets) sets.set(name, declaration);
      for (const [name, rules] of unit.chains) chains.set(name, rules);
    }
    const out = [`table ip ${table}`, `delete table ip ${table}`, `table ip ${table} {`];
    for (const [name, declaration] of sets) out.push(`  ${declare(name, declaration, this.#elements(name))}`);
    // Declared first, filled after: chains may refer to chains that come later.
    for (const [name, rules] of [...chains].sort(byHook)) out.push(`  chain ${name} {`, ...rules.map((rule) => `    ${rule}`), '  }');
    out.push('}', '');
    return out.join('\n');
  }

  #elements(set: string): string[] {
    const out: string[] = [];
    for (const [element, owners] of this.#claims.get(set) ?? []) out.push(render(element, winner(owners) ?? ''));
    return out;
  }
  #changeChains(text: Transaction, old: Unit | undefined, next: Unit | undefined): void {
    for (const [name, declaration] of next?.sets ?? []) if (!old?.sets.has(name)) text.addSet(name, declaration);
    for (const name of old?.sets.keys() ?? []) if (!next?.sets.has(name)) text.deleteSet(name);
    for (const [name, rules] of next?.chains ?? []) {
      const before = old?.chains.get(name);
      if (!before) text.addChain(name, rules);
      else if (!sameRules(before, rules)) text.replaceChain(name, rules);
    }
    for (const name of old?.chains.keys() ?? []) if (!next?.chains.has(name)) text.deleteChain(name);
  }
  #changeElements(text: Transaction, changes: ReadonlyMap<string, Unit | undefined>): void {
    const before = new Map<string, { set: string; element: string; value: string | undefined }>();
    const touch = (set: string, element: string): Map<string, string> => {
      let elements = this.#claims.get(set);
      if (!elements) this.#claims.set(set, (elements = new Map()));
      let owners = elements.get(element);
      if (!owners) elements.set(element, (owners = new Map()));
      const id = `${set}\n${element}`;
      if (!before.has(id)) before.set(id, { set, element, value: winner(owners) });
      return owners;
    };
    for (const key of changes.keys()) eachElement(this.#units.get(key), (set, element) => touch(set, element).delete(key));
    for (const [key, next] of changes) eachElement(next, (set, element, value) => touch(set, element).set(key, value));
    for (const { set, element, value } of before.values()) {
      const owners = this.#claims.get(set)?.get(element);
      const now = winner(owners);
      if (owners?.size === 0) this.#claims.get(set)?.delete(element);
      if (value === now) continue;
      if (value !== undefined) text.deleteElement(set, element);
      if (now !== undefined) text.addElement(set, element, now);
    }
  }
}

function eachElement(unit: Unit | undefined, fn: (set: string, element: string, value: string) => void): void {
  for (const [set, elements] of unit?.elements ?? []) for (const [element, value] of elements) fn(set, element, value);
}
function winner(owners: ReadonlyMap<string, string> | undefined): string | undefined {
  if (!owners || owners.size === 0) return undefined;
  if (owners.size === 1) return owners.values().next().value;
  const first = [...owners.keys()].sort()[0];
  return first === undefined ? undefined : owners.get(first);
}
const render = (element: string, value: string): string => (value === '' ? element : `${element} : ${value}`);

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}
function isEmpty(unit: Unit): boolean {
  return unit.chains.size === 0 && unit.elements.size === 0 && unit.sets.size === 0;
}
/** Chains without a hook first, so that a reader of the text meets names before their use. */
function byHook([a, x]: [string, readonly string[]], [b, y]: [string, readonly string[]]): number {
  const hook = (rules: readonly string[]): number => (rules[0]?.startsWith('type ') ? 1 : 0);
  return hook(x) - hook(y) || (a < b ? -1 : 1);
}
/** `set NAME { … }` from a declaration that begins with `set` or `map`. */
function declare(name: string, declaration: string, elements: readonly string[]): string {
  const space = declaration.indexOf(' ');
  const filled = elements.length > 0 ? ` elements = { ${elements.join(', ')} };` : '';
  return `${declaration.slice(0, space)} ${name} { ${declaration.slice(space + 1)}${filled} }`;
}

/** Orders commands so that everything exists before it is used and is unused before it goes. */
class Transaction {
  readonly #table: string;
  readonly #create: string[] = [];
  readonly #rules: string[] = [];
  readonly #removed = new Map<string, string[]>();
  readonly #added = new Map<string, string[]>();
  readonly #flush: string[] = [];
  readonly #delete: string[] = [];
  readonly #deleteSets: string[] = [];

  constructor(table: string) {
    this.#table = `ip ${table}`;
  }
  addSet(name: string, declaration: string): void {
    const space = declaration.indexOf(' ');
    this.#create.push(`add ${declaration.slice(0, space)} ${this.#table} ${name} { ${declaration.slice(space + 1)} }`);
  }
  deleteSet(name: string): void {
    this.#deleteSets.push(`delete set ${this.#table} ${name}`);
  }
  addChain(name: string, rules: readonly string[]): void {
    this.#create.push(`add chain ${this.#table} ${name}`);
    this.#fill(name, rules);
  }
  replaceChain(name: string, rules: readonly string[]): void {
    this.#rules.push(`flush chain ${this.#table} ${name}`);
    this.#fill(name, rules);
  }
  deleteChain(name: string): void {
    this.#flush.push(`flush chain ${this.#table} ${name}`);
    this.#delete.push(`delete chain ${this.#table} ${name}`);
  }
  deleteElement(set: string, element: string): void {
    push(this.#removed, set, element);
  }
  addElement(set: string, element: string, value: string): void {
    push(this.#added, set, render(element, value));
  }
  toString(): string {
    const elements = (verb: string, map: Map<string, string[]>): string[] =>
      [...map].map(([set, list]) => `${verb} element ${this.#table} ${set} { ${list.join(', ')} }`);
    const lines = [
      ...this.#create,
      ...this.#rules,
      ...elements('delete', this.#removed),
      ...elements('add', this.#added),
      ...this.#flush,
      ...this.#delete,
      ...this.#deleteSets,
    ];
    return lines.length === 0 ? '' : lines.join('\n') + '\n';
  }
  #fill(name: string, rules: readonly string[]): void {
    for (const rule of rules) this.#rules.push(`add rule ${this.#table} ${name} ${rule}`);
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

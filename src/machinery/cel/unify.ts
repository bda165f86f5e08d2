import { dyn, isOptional, type CelType } from './types.ts';

/** What is known of type parameters; grows as calls are resolved. */
export class Substitution {
  #bound = new Map<string, CelType>();
  #count = 0;

  fresh(): CelType {
    return { kind: 'param', id: `_var${this.#count++}` };
  }

  /** Follows parameters to what they stand for. */
  resolve(type: CelType): CelType {
    let out = type;
    while (out.kind === 'param') {
      const next = this.#bound.get(out.id);
      if (next === undefined) return out;
      out = next;
    }
    return out;
  }

  /** The type without parameters: those that stand for nothing are dyn. */
  final(type: CelType): CelType {
    return this.#map(this.resolve(type), (inner) => this.final(inner));
  }
  #map(type: CelType, change: (type: CelType) => CelType): CelType {
    switch (type.kind) {
      case 'param':
        return dyn;
      case 'list':
        return { ...type, element: change(type.element) };
      case 'map':
        return { ...type, key: change(type.key), value: change(type.value) };
      case 'opaque':
        return type.params.length === 0 ? type : { ...type, params: type.params.map(change) };
      default:
        return type;
    }
  }

  /** The result of a call when the arguments fit; what they say of parameters is kept. */
  apply(formal: readonly CelType[], actual: readonly CelType[], result: CelType): CelType | undefined {
    const fresh = new Map<string, CelType>();
    const rename = (type: CelType): CelType => {
      if (type.kind !== 'param') return type.kind === 'list' || type.kind === 'map' || type.kind === 'opaque' ? this.#map(type, rename) : type;
      let own = fresh.get(type.id);
      if (own === undefined) fresh.set(type.id, (own = this.fresh()));
      return own;
    };
    const before = new Map(this.#bound);
    for (const [i, type] of formal.entries()) {
      if (this.assignable(rename(type), actual[i]!)) continue;
      this.#bound = before;
      return undefined;
    }
    return rename(result);
  }

  /** Whether a value of type `from` may stand where `to` is asked for. */
  assignable(to: CelType, from: CelType): boolean {
    const target = this.resolve(to);
    const source = this.resolve(from);
    if (target === source) return true;
    if (target.kind === 'param') return this.#bind(target.id, source) || source.kind === 'param';
    if (source.kind === 'param') return this.#bind(source.id, target);
    if (target.kind === 'dyn' || target.kind === 'error' || source.kind === 'dyn' || source.kind === 'error') {
      return this.#rebind(to, source);
    }
    return this.#structure(target, source);
  }

  /** A parameter that stood for something narrower than what comes now stands for dyn. */
  #rebind(to: CelType, source: CelType): boolean {
    if (to.kind === 'param' && source.kind === 'dyn') this.#bound.set(to.id, dyn);
    return true;
  }

  #structure(target: CelType, source: CelType): boolean {
    if (target.kind === 'null' || source.kind === 'null') return nullable(target) && nullable(source);
    if (target.kind !== source.kind) return false;
    if (target.kind === 'list' && source.kind === 'list') return this.assignable(target.element, source.element);
    if (target.kind === 'map' && source.kind === 'map') return this.assignable(target.key, source.key) && this.assignable(target.value, source.value);
    if (target.kind === 'object' && source.kind === 'object') return target.name === source.name;
    if (target.kind === 'opaque' && source.kind === 'opaque')
      return (
        target.name === source.name &&
        target.params.length === source.params.length &&
        target.params.every((param, i) => this.assignable(param, source.params[i]!))
      );
    return true;
  }

  #bind(id: string, type: CelType): boolean {
    if (type.kind === 'param' && type.id === id) return true;
    if (this.#mentions(type, id)) return false;
    this.#bound.set(id, type);
    return true;
  }
  #mentions(type: CelType, id: string): boolean {
    const resolved = this.resolve(type);
    switch (resolved.kind) {
      case 'param':
        return resolved.id === id;
      case 'list':
        return this.#mentions(resolved.element, id);
      case 'map':
        return this.#mentions(resolved.key, id) || this.#mentions(resolved.value, id);
      case 'opaque':
        return resolved.params.some((param) => this.#mentions(param, id));
      default:
        return false;
    }
  }

  /** Of two types that fit each other, the one that says less. */
  moreGeneral(a: CelType, b: CelType): CelType {
    return this.resolve(b).kind === 'dyn' ? b : a;
  }
}

/** Types whose values may be null. */
const nullable = (type: CelType): boolean =>
  type.kind === 'null' || type.kind === 'object' || type.kind === 'timestamp' || type.kind === 'duration' || (type.kind === 'opaque' && !isOptional(type));

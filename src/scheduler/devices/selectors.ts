import type { V1Device, V1DeviceAttribute } from '#kinds';
import { CelMap, celQuantity, celSemver, celTypes, compileCel, type CelProgram, type CelType, type CelValue } from '#machinery';
import { qualified } from './names.ts';

const { bool, dyn, mapOf, opaque, string } = celTypes;
const fields: { readonly [name: string]: CelType } = {
  driver: string,
  attributes: mapOf(string, mapOf(string, dyn)),
  capacity: mapOf(string, mapOf(string, opaque('kubernetes.Quantity'))),
  allowMultipleAllocations: bool,
};
const deviceType: CelType = {
  kind: 'object',
  name: 'kubernetes.DRADevice',
  field: (name) => (Object.hasOwn(fields, name) ? { name, type: fields[name] as CelType } : undefined),
};

const programs = new Map<string, CelProgram>();
const mostPrograms = 1000;
function programOf(expression: string): CelProgram {
  let program = programs.get(expression);
  if (program) return program;
  program = compileCel(expression, { variables: { device: deviceType }, returns: ['bool'] });
  if (programs.size >= mostPrograms) programs.clear();
  programs.set(expression, program);
  return program;
}

/** Whether a device meets a selector's expression. Throws CelError or CelCompileError. */
export function selects(expression: string, driver: string, device: V1Device): boolean {
  return programOf(expression).evaluate({ device: () => deviceValue(driver, device) }).value === true;
}

class Table extends CelMap {
  readonly #entries: ReadonlyMap<string, CelValue>;
  readonly #missing: CelValue | undefined;
  /** `missing` is what names that are not there give; nobody finds them there. */
  constructor(entries: ReadonlyMap<string, CelValue>, missing?: CelValue) {
    super();
    this.#entries = entries;
    this.#missing = missing;
  }
  get(key: CelValue): CelValue | undefined {
    return typeof key === 'string' ? (this.#entries.get(key) ?? this.#missing) : undefined;
  }
  has(key: CelValue): boolean {
    return typeof key === 'string' && this.#entries.has(key);
  }
  get size(): number {
    return this.#entries.size;
  }
  keys(): CelValue[] {
    return [...this.#entries.keys()];
  }
}
const nothing = new Table(new Map());

const values = new WeakMap<V1Device, CelValue>();
function deviceValue(driver: string, device: V1Device): CelValue {
  let value = values.get(device);
  if (value === undefined) {
    value = new Table(
      new Map<string, CelValue>([
        ['driver', driver],
        ['attributes', byDomain(driver, device.attributes ?? {}, attributeValue)],
        ['capacity', byDomain(driver, device.capacity ?? {}, (one) => celQuantity(one.value))],
        ['allowMultipleAllocations', device.allowMultipleAllocations === true],
      ]),
    );
    values.set(device, value);
  }
  return value;
}
/** `domain/name`; a name alone is of the driver's domain. */
function byDomain<T>(driver: string, table: { readonly [name: string]: T }, valueOf: (one: T) => CelValue): CelValue {
  const domains = new Map<string, Map<string, CelValue>>();
  for (const [name, one] of Object.entries(table)) {
    const [domain, own] = qualified(driver, name);
    let entries = domains.get(domain);
    if (!entries) domains.set(domain, (entries = new Map()));
    entries.set(own, valueOf(one));
  }
  return new Table(new Map([...domains].map(([domain, entries]) => [domain, new Table(entries)])), nothing);
}
function attributeValue(attribute: V1DeviceAttribute): CelValue {
  if (attribute.version !== undefined) return celSemver(attribute.version);
  if (attribute.int !== undefined) return BigInt(attribute.int);
  return attribute.string ?? attribute.bool ?? null;
}

/** The value of an attribute by its full name, as text that equal values share; undefined where the device has none. */
export function attributeText(driver: string, device: V1Device, fullName: string): string | undefined {
  for (const [name, attribute] of Object.entries(device.attributes ?? {}))
    if (qualified(driver, name).join('/') === fullName) return JSON.stringify([attribute.string, attribute.int, attribute.bool, attribute.version]);
  return undefined;
}

/**
 * The types of CEL as the checker sees them. Sizes (`max`, counted as Kubernetes does: bytes of text, items of
 * lists and maps) travel with the types of declared data and feed the cost estimate.
 */
export type Scalar = 'dyn' | 'null' | 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'timestamp' | 'duration' | 'error';

export interface ScalarType {
  readonly kind: Scalar;
  readonly max?: number | undefined;
}
export interface ListType {
  readonly kind: 'list';
  readonly element: CelType;
  readonly max?: number | undefined;
  /** x-kubernetes-list-type and its keys: how lists are compared and concatenated. */
  readonly listType?: 'atomic' | 'set' | 'map' | undefined;
  readonly mapKeys?: readonly string[] | undefined;
}
export interface MapType {
  readonly kind: 'map';
  readonly key: CelType;
  readonly value: CelType;
  readonly max?: number | undefined;
}
export interface ObjectField {
  /** Name in the JSON object; the CEL name is escaped. */
  readonly name: string;
  readonly type: CelType;
}
export interface ObjectType {
  readonly kind: 'object';
  readonly name: string;
  /** By CEL name; undefined for fields that the type does not have. */
  field(name: string): ObjectField | undefined;
}
/** Types that are only known by name: optional_type, kubernetes.URL … */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
  readonly params: readonly CelType[];
}
export interface TypeType {
  readonly kind: 'type';
  readonly of: CelType | undefined;
}
export interface ParamType {
  readonly kind: 'param';
  readonly id: string;
}
export type CelType = ScalarType | ListType | MapType | ObjectType | OpaqueType | TypeType | ParamType;

const scalar = (kind: Scalar): ScalarType => ({ kind });
export const dyn = scalar('dyn');
export const nullType = scalar('null');
export const bool = scalar('bool');
export const int = scalar('int');
export const uint = scalar('uint');
export const double = scalar('double');
export const string = scalar('string');
export const bytes = scalar('bytes');
export const timestamp = scalar('timestamp');
export const duration = scalar('duration');
export const errorType = scalar('error');
export const listOf = (element: CelType): ListType => ({ kind: 'list', element });
export const mapOf = (key: CelType, value: CelType): MapType => ({ kind: 'map', key, value });
export const opaque = (name: string, ...params: CelType[]): OpaqueType => ({ kind: 'opaque', name, params });
export const optionalOf = (inner: CelType): OpaqueType => opaque('optional_type', inner);
export const typeOf = (of?: CelType): TypeType => ({ kind: 'type', of });
export const isOptional = (type: CelType): type is OpaqueType => type.kind === 'opaque' && type.name === 'optional_type';

/** An object type of fields known beforehand, by their JSON names. */
export function objectOf(name: string, fields: { readonly [name: string]: CelType }): ObjectType {
  const byName = new Map<string, ObjectField>();
  for (const [field, type] of Object.entries(fields)) {
    const escaped = escapeName(field);
    if (escaped !== undefined) byName.set(escaped, { name: field, type });
  }
  return { kind: 'object', name, field: (field) => byName.get(field) };
}

const names: { readonly [kind in Scalar]?: string } = { null: 'null', timestamp: 'timestamp', duration: 'duration', error: '!error!' };

/** As cel-go prints types in messages, for example `map(string, int)`. */
export function formatType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${formatType(type.element)})`;
    case 'map':
      return `map(${formatType(type.key)}, ${formatType(type.value)})`;
    case 'object':
      return type.name;
    case 'opaque':
      return type.params.length === 0 ? type.name : `${type.name}(${type.params.map(formatType).join(', ')})`;
    case 'type':
      return type.of === undefined ? 'type' : `type(${formatType(type.of)})`;
    case 'param':
      return type.id;
    default:
      return names[type.kind] ?? type.kind;
  }
}

const keywords = new Set([
  'true',
  'false',
  'null',
  'in',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);

/** How a property of any name is written in CEL (`a-b` → `a__dash__b`); undefined for names that cannot be written. */
export function escapeName(name: string): string | undefined {
  if (keywords.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_][A-Za-z0-9_.\-/]*$/.test(name)) return undefined;
  return name.replace(/__|\.|-|\//g, (part) => ({ __: '__underscores__', '.': '__dot__', '-': '__dash__', '/': '__slash__' })[part] ?? part);
}

import { celTypes, type CelType } from './cel/index.ts';
import type { Kind } from './kind.ts';
import type { FieldSchema, Scalar, SchemaSet } from './schema/index.ts';
import type { JsonSchema } from './shape.ts';

const { dyn, string, bool, int, double, bytes, timestamp, duration, listOf, mapOf, escapeName } = celTypes;
type ObjectType = CelType & { readonly kind: 'object' };

/** The type that objects of a kind have in CEL; undefined where nothing is known of it. */
export function celTypeOfKind(kind: Kind, schemas: SchemaSet): CelType | undefined {
  if (kind.shape) return typeOfSchema(kind.shape.openapi, kind.kind, schemas);
  return schemas.has(kind.schema) ? typeOfName(schemas, kind.schema) : undefined;
}

const known = new WeakMap<SchemaSet, Map<string, ObjectType>>();
/** Types of the schema set refer to each other in circles: fields are looked up when they are asked for. */
function typeOfName(schemas: SchemaSet, name: string): ObjectType {
  let types = known.get(schemas);
  if (!types) known.set(schemas, (types = new Map<string, ObjectType>()));
  const present = types.get(name);
  if (present) return present;
  const type = lazyObject(name, () => fieldsOf(schemas, name));
  types.set(name, type);
  return type;
}
function lazyObject(name: string, make: () => Iterable<readonly [string, CelType]>): ObjectType {
  let fields: Map<string, { name: string; type: CelType }> | undefined;
  const all = (): NonNullable<typeof fields> =>
    (fields ??= new Map(
      [...make()].flatMap(([field, type]) => (escapeName(field) === undefined ? [] : [[escapeName(field) as string, { name: field, type }]])),
    ));
  return { kind: 'object', name, field: (field) => all().get(field) };
}
function* fieldsOf(schemas: SchemaSet, name: string): Iterable<readonly [string, CelType]> {
  for (const [field, schema] of Object.entries(schemas.type(name).fields)) if (schema) yield [field, typeOfField(schemas, schema)];
}
function typeOfField(schemas: SchemaSet, { scalar, type, array, map }: FieldSchema): CelType {
  const element = scalar ? scalars[scalar] : typeOfName(schemas, type as string);
  const inner = array ? listOf(element) : element;
  return map ? mapOf(string, inner) : inner;
}
const scalars: { readonly [scalar in Scalar]: CelType } = {
  string,
  boolean: bool,
  int32: int,
  int64: int,
  double,
  bytes,
  time: timestamp,
  microtime: timestamp,
  intOrString: dyn,
  quantity: string,
  json: dyn,
};

/** The type of a structural schema. */
function typeOfSchema(schema: JsonSchema, name: string, schemas: SchemaSet): CelType {
  const { $ref, properties, additionalProperties, items, type } = schema;
  if (typeof $ref === 'string') return $ref.endsWith('.ObjectMeta') && schemas.has('V1ObjectMeta') ? typeOfName(schemas, 'V1ObjectMeta') : dyn;
  if (schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields']) return dyn;
  if (type === 'array') return listOf(isSchema(items) ? typeOfSchema(items, `${name}.@idx`, schemas) : dyn);
  if (type === 'object' || properties) return typeOfObject(name, properties, additionalProperties, schemas);
  return scalarOf(type, schema['format']);
}
function typeOfObject(name: string, properties: unknown, additional: unknown, schemas: SchemaSet): CelType {
  if (isSchema(properties)) {
    return lazyObject(name, () => Object.entries(properties).map(([field, value]) => [field, isSchema(value) ? memberType(name, field, value, schemas) : dyn]));
  }
  return isSchema(additional) ? mapOf(string, typeOfSchema(additional, `${name}.@elem`, schemas)) : dyn;
}
function memberType(owner: string, field: string, value: JsonSchema, schemas: SchemaSet): CelType {
  const bare = field === 'metadata' && !value['properties'] && schemas.has('V1ObjectMeta');
  return bare ? typeOfName(schemas, 'V1ObjectMeta') : typeOfSchema(value, `${owner}.${field}`, schemas);
}
function scalarOf(type: unknown, format: unknown): CelType {
  switch (type) {
    case 'string':
      return format === 'date-time' || format === 'date' ? timestamp : format === 'duration' ? duration : format === 'byte' ? bytes : string;
    case 'boolean':
      return bool;
    case 'integer':
      return int;
    case 'number':
      return double;
    default:
      return dyn;
  }
}
function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

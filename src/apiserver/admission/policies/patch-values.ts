import { ApiError, CelList, CelMap, celToJson, jsonPatch, unescapeCelName, type CelValue, type Json, type KubeObject } from '#machinery';

/** The apply configuration that an expression made: `Object{spec: Object.spec{…}}`. Throws Error when a type stands where its name does not belong. */
export function configurationFrom(value: CelValue): KubeObject {
  if (!(value instanceof CelMap)) throw new Error('unsupported return type from ApplyConfiguration expression');
  checkNames(value, 'Object');
  return plainJson(value) as KubeObject;
}
/** JSON of a value in which types may have been made: their fields have CEL's names. */
function plainJson(value: CelValue): Json {
  if (value instanceof CelList) return value.items.map(plainJson);
  if (!(value instanceof CelMap)) return celToJson(value);
  const made = value.typeName !== undefined;
  return Object.fromEntries(value.keys().map((key) => [nameOf(key, made), plainJson(value.get(key) ?? null)]));
}
function nameOf(key: CelValue, field: boolean): string {
  if (typeof key !== 'string') return JSON.stringify(celToJson(key));
  return field ? unescapeCelName(key) : key;
}
function checkNames(value: CelValue, path: string): void {
  if (value instanceof CelList) for (const item of value.items) checkNames(item, path);
  if (!(value instanceof CelMap)) return;
  const { typeName } = value;
  if (typeName !== undefined && typeName !== path)
    throw new Error(
      `type mismatch: unexpected type name ${JSON.stringify(typeName)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`,
    );
  for (const key of value.keys()) if (typeof key === 'string') checkNames(value.get(key) ?? null, `${path}.${key}`);
}

/** The object after the JSON patch that an expression made. A failed `test` leaves it as it was. */
export function patchFrom(value: CelValue, object: KubeObject): KubeObject {
  const operations = plainJson(value);
  if (!Array.isArray(operations)) throw new Error('unsupported return type from JSONPatch expression');
  try {
    return jsonPatch(object as Json, operations) as KubeObject;
  } catch (error) {
    const text = error instanceof ApiError ? (error.details?.causes?.[0]?.message ?? error.message) : (error as Error).message;
    if (text.endsWith('test failed')) return object;
    throw new Error(`JSON Patch: ${text}`, { cause: error });
  }
}

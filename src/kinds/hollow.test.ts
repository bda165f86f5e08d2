/** Members that a schema requires may be missing all the same: nothing that a kind does may fall over it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cloneObject, renderTable, type FieldSchema, type Kind, type KubeObject } from '#machinery';
import { allKinds, schemas } from '#kinds';

type Value = { [field: string]: unknown };

/** As deep as a probe of a container in the template of a CronJob. */
const deepest = 9;

function wrapped(field: FieldSchema, value: Value): unknown {
  const element = field.array ? [value] : value;
  return field.map ? { key: element } : element;
}

/** For every path of the type: an object that has nothing else, and ends in an empty object. */
function* hollow(type: string, depth: number, seen: readonly string[]): Generator<Value> {
  for (const field of Object.values(schemas.type(type).fields)) {
    if (!field?.type || seen.includes(field.type) || field.type === 'V1ObjectMeta') continue;
    yield { [field.name]: wrapped(field, {}) };
    if (depth < deepest) for (const inner of hollow(field.type, depth + 1, [...seen, type])) yield { [field.name]: wrapped(field, inner) };
  }
}

function exercise(kind: Kind, fields: Value): void {
  const object: KubeObject = { metadata: { name: 'x', ...(kind.namespaced ? { namespace: 'default' } : {}) }, ...cloneObject(fields) };
  kind.defaults?.(object);
  const findings = kind.validate?.(object, undefined) ?? [];
  kind.warnings?.(object, undefined);
  const created = cloneObject(object);
  kind.prepareCreate?.(created, { now: 0 });
  kind.validate?.(created, undefined);
  kind.prepareUpdate?.(object, created, { now: 0 });
  kind.validate?.(object, created);
  kind.validate?.(created, object);
  kind.prepareStatus?.(object, created);
  kind.validateStatus?.(object, created);
  kind.validateStatus?.(created, object);
  for (const aspect of Object.values(kind.aspects ?? {})) aspect.validate(aspect.confine(cloneObject(object), created), created);
  // What is refused is never shown.
  if (findings.length > 0) return;
  renderTable(kind, [object], 0);
  kind.scale?.selector(object);
  for (const field in kind.selectableFields) kind.selectableFields[field]!(object);
}

/** All kinds with templates check them with the same functions: one of them stands for the others. */
const withWholePods = new Set(['Pod', 'CronJob']);

for (const kind of allKinds)
  test(`${kind.kind} of ${kind.apiVersion} stands hollow objects`, () => {
    let count = 0;
    for (const fields of hollow(kind.schema, 0, withWholePods.has(kind.kind) ? [] : ['V1PodSpec'])) {
      count++;
      try {
        exercise(kind, fields);
      } catch (error) {
        // Some kinds refuse in the words of the API right where they prepare an object.
        if (error instanceof TypeError || error instanceof RangeError) assert.fail(`${JSON.stringify(fields)}: ${error.stack ?? ''}`);
      }
    }
    assert.ok(count >= 0);
  });

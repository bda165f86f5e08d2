import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { loadConstraints } from './constraints.ts';
import { compilePattern } from './pattern.ts';
import { loadContract, type Shape } from './schema.ts';
import { compileInput } from './validate.ts';

const dir = new URL('../generated/constraints/', import.meta.url);
const names = readdirSync(dir).map((file) => file.replace('.json', ''));

for (const name of names) {
  test(`the constraints of ${name} are whole, and their patterns can be asked`, () => {
    const { inputs, shapes } = loadConstraints(name);
    assert.ok(Object.keys(inputs).length > 0);
    for (const shape of Object.values(inputs)) assert.ok(shapes[shape], shape);
    for (const { m = {}, l, k, v, p, x } of Object.values(shapes)) {
      for (const shape of [...Object.values(m), l, k, v]) if (shape !== undefined) assert.ok(shapes[shape], shape);
      if (p !== undefined) assert.ok(compilePattern(p, x), p);
    }
  });
}

/** Members that constraints name and a shape of the contract lacks. */
function unknown(shape: Shape, name: string, shapes: ReturnType<typeof loadConstraints>['shapes'], seen: Set<string>): string[] {
  const constraint = shapes[name];
  if (!constraint || seen.has(name)) return [];
  seen.add(name);
  const below = (of: Shape, next: string | undefined): string[] => (next === undefined ? [] : unknown(of, next, shapes, seen));
  if (shape.kind === 'list') return below(shape.member.shape, constraint.l);
  if (shape.kind === 'map') return [...below(shape.key.shape, constraint.k), ...below(shape.value.shape, constraint.v)];
  if (shape.kind !== 'structure') return [];
  return Object.entries(constraint.m ?? {}).flatMap(([member, next]) => {
    const found = shape.members.find((one) => one.name === member);
    return found ? below(found.shape, next) : [`${name}.${member}`];
  });
}

for (const name of names.filter((one) => existsSync(new URL(`../${one}.json`, dir)))) {
  test(`the constraints of ${name} are those of its contract, and every operation compiles`, () => {
    const [contract, constraints] = [loadContract(name), loadConstraints(name)];
    for (const [action, input] of Object.entries(constraints.inputs)) {
      const operation = contract.operation(action);
      assert.ok(operation, `${action} is not in the contract`);
      assert.deepEqual(unknown(operation.input.shape, input, constraints.shapes, new Set()), []);
    }
    for (const action of contract.operations) {
      const operation = contract.operation(action);
      assert.ok(operation && Array.isArray(compileInput(operation, contract, constraints, 'X')({})));
    }
  });
}

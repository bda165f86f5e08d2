import type { Constraint, Constraints } from './constraints.ts';
import type { Member } from './schema.ts';

/** A value as a Java program would print it, which is how services tell of values. */
export type Print = (value: unknown) => string;

const redacted = '*** Sensitive Data Redacted ***';

/** How to print a member: secrets in it are left out. It walks only when something is wrong. */
export function printer(member: Member, name: string | undefined, constraints: Constraints): Print {
  return (value) => print(value, member, name, constraints);
}

function print(value: unknown, { shape, traits }: Member, name: string | undefined, constraints: Constraints): string {
  const constraint: Constraint = (name === undefined ? undefined : constraints.shapes[name]) ?? {};
  if (traits.sensitive === 1 || constraint.s === 1) return redacted;
  if (value === undefined || value === null) return 'null';
  if (value instanceof Uint8Array) return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`;
  if (value instanceof Date) return value.toISOString();
  if (shape.kind === 'list') return `[${(value as readonly unknown[]).map((one) => print(one, shape.member, constraint.l, constraints)).join(', ')}]`;
  if (shape.kind === 'map') {
    const entries = Object.entries(value as object);
    return `{${entries.map(([key, one]) => `${print(key, shape.key, constraint.k, constraints)}=${print(one, shape.value, constraint.v, constraints)}`).join(', ')}}`;
  }
  if (shape.kind === 'structure') {
    if (shape.traits.sensitive === 1) return redacted;
    const fields = shape.members.map((member) => {
      const given = (value as Readonly<Record<string, unknown>>)[member.name];
      return `${member.name.charAt(0).toLowerCase()}${member.name.slice(1)}=${print(given, member, constraint.m?.[member.name], constraints)}`;
    });
    return `${shape.name}(${fields.join(', ')})`;
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean | bigint);
}

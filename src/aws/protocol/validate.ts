import { AwsError } from '../gateway/errors.ts';
import type { Contract, Member, Structure } from './schema.ts';
import type { Value } from './types.ts';

/**
 * Checks an input against the contract, as services do before they look at anything: what is required, and what is one
 * of an enumeration. All findings are told at once. Throws AwsError.
 */
export function validateInput(input: Value, shape: Structure, contract: Contract, code: string): void {
  const findings: string[] = [];
  check(shape, input, '', contract, findings);
  if (findings.length === 0) return;
  throw new AwsError(code, `${findings.length} validation error${findings.length > 1 ? 's' : ''} detected: ${findings.join('; ')}`);
}

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

function check(shape: Structure, value: Value, path: string, contract: Contract, findings: string[]): void {
  for (const member of shape.members) {
    const at = path === '' ? lowerFirst(member.name) : `${path}.${lowerFirst(member.name)}`;
    const given = value[member.name];
    if (given === undefined) {
      if (member.required) findings.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
    } else checkMember(member, given, at, contract, findings);
  }
}

function checkMember(member: Member, value: unknown, at: string, contract: Contract, findings: string[]): void {
  const { shape, traits } = member;
  if (shape.kind === 'structure') return check(shape, value as Value, at, contract, findings);
  if (shape.kind === 'list') {
    const element = traits.enum === undefined ? shape.member : { ...shape.member, shape: shape.member.shape, traits: { enum: traits.enum } };
    (value as readonly unknown[]).forEach((one, i) => checkMember(element, one, `${at}.${i + 1}.member`, contract, findings));
    return;
  }
  if (shape.kind === 'map') {
    for (const [key, one] of Object.entries(value as object)) checkMember(shape.value, one, `${at}.${key}`, contract, findings);
    return;
  }
  if (traits.enum === undefined || typeof value !== 'string') return;
  const allowed = contract.enumeration(traits.enum);
  if (allowed.length > 0 && !allowed.includes(value)) {
    findings.push(`Value '${value}' at '${at}' failed to satisfy constraint: Member must satisfy enum value set: [${allowed.join(', ')}]`);
  }
}

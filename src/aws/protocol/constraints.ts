import { existsSync, readFileSync } from 'node:fs';

/** What a service's model demands of values of a shape (scripts/generate-aws-constraints.ts). */
export interface Constraint {
  /** Constraints of members, of the items of a list, of the keys and values of a map: names of shapes. */
  readonly m?: Readonly<Record<string, string>>;
  readonly l?: string;
  readonly k?: string;
  readonly v?: string;
  /** Members that must be there. */
  readonly r?: readonly string[];
  /** Least and most: value of a number, length of anything else. */
  readonly n?: number;
  readonly x?: number;
  /** Pattern of the whole text, in Java's syntax. */
  readonly p?: string;
  readonly e?: readonly string[];
  /** Secret: never told in errors. */
  readonly s?: 1;
  /** Bits of a whole number. */
  readonly i?: 32 | 64;
}

/** Constraints of a service's inputs. */
export interface Constraints {
  readonly source: string;
  /** Shape of the input, by operation. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly shapes: Readonly<Record<string, Constraint>>;
}
const none: Constraints = { source: '', inputs: {}, shapes: {} };

/** The constraints of a contract; none where its service checks by rules of its own. */
export function loadConstraints(contract: string): Constraints {
  const file = new URL(`../generated/constraints/${contract}.json`, import.meta.url);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Constraints) : none;
}

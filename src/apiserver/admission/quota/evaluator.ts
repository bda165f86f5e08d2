import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import type { Amounts } from '../pods.ts';

/** One condition of a quota on the objects that it counts; a bare scope is one with operator Exists. */
export interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

/** How much the objects of one resource take of what quotas limit. Every resource can be counted; some have more to measure. */
export interface Evaluator {
  readonly group: string;
  readonly plural: string;
  /** Names of quota resources that it measures, besides its count. */
  limits(resource: string): boolean;
  /** What an object takes, besides being one of its sort. `now` in ms since the epoch. */
  usage(object: KubeObject, now: number): Amounts;
  /** Updates by which an object may take more: of the object itself (''), or by a subresource. */
  readonly updates?: readonly string[];
  /** Whether an object falls under a condition; without it under none. */
  inScope?(object: KubeObject, requirement: ScopeRequirement): boolean;
  /** What an object must say and does not, such as `limits.cpu for: web`; `required` are the names that a quota limits. */
  missing?(object: KubeObject, required: readonly string[]): string | undefined;
}

/** `count/pods`, `count/deployments.apps`. */
export const countName = ({ group, plural }: Pick<Evaluator, 'group' | 'plural'>): string => `count/${group ? `${plural}.${group}` : plural}`;
/** The resource that `count/…` counts. */
export function countedBy(name: string): { group: string; plural: string } | undefined {
  if (!name.startsWith('count/')) return undefined;
  const [plural = '', ...group] = name.slice('count/'.length).split('.');
  return { plural, group: group.join('.') };
}

/** A resource that can only be counted; `alias` is the name it was counted by before count/… existed. */
export function counter(group: string, plural: string, alias?: string): Evaluator {
  return {
    group,
    plural,
    limits: (resource) => resource === alias,
    usage: (): Amounts => new Map(alias === undefined ? [] : [[alias, wholeAmount(1)]]),
  };
}

/** Whether a value (undefined = there is none) satisfies a requirement, as a label selector has it. */
export function satisfies(value: string | undefined, { operator, values = [] }: ScopeRequirement): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

import type { Informer } from './informer.ts';
import { labelRequirements, parseLabelSelector, type KubeObject } from '#machinery';

/**
 * Objects that a selector in its query form picks, of one namespace or of all. Where the selector asks for a label to have a
 * value, only objects that have it are looked at. Throws BadRequest for what is no selector.
 */
export function selectObjects<T extends KubeObject>(informer: Informer<T>, namespace: string | undefined, selector: string | null | undefined): T[] {
  if (!selector) return informer.list(namespace);
  const matches = parseLabelSelector(selector);
  const first = namespace === undefined ? undefined : labelRequirements(selector).find(({ operator }) => operator === '=' || operator === '==');
  if (!first) return informer.list(namespace).filter((object) => matches(object.metadata?.labels));
  // The index that controllers use too: one name, one function.
  informer.addIndex('labels', (object) => Object.entries(object.metadata?.labels ?? {}).map(([k, v]) => `${object.metadata?.namespace ?? ''}/${k}=${v}`));
  return informer.byIndex('labels', `${namespace}/${first.key}=${first.values[0] ?? ''}`).filter((object) => matches(object.metadata?.labels));
}

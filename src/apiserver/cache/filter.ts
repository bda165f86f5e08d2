import { fieldSelectorValue, parseFieldSelector, parseLabelSelector, type Kind, type KubeObject } from '#machinery';
import type { CacheEntry } from './entry.ts';

/** Which objects of a kind a list or watch is about. */
export interface Filter {
  readonly apiVersion: string;
  /** Equal for equal filters of one version. */
  readonly key: string;
  /** Store prefix: the kind's, or that of one namespace. */
  readonly prefix: string;
  /** No selector: everything under the prefix. */
  readonly everything: boolean;
  /** Looks at fields, which only the version that was asked for has. */
  readonly byFields: boolean;
  matches(entry: CacheEntry): boolean;
  /** Set when only objects with this one value of a field can match. */
  readonly trigger: { readonly field: string; readonly value: string; read(object: KubeObject): string } | undefined;
}

export interface Selection {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Throws ApiError BadRequest for a malformed or unsupported selector. */
export function createFilter(kind: Kind, selection: Selection): Filter {
  const { labelSelector = '', fieldSelector = '' } = selection;
  const namespace = kind.namespaced ? (selection.namespace ?? '') : '';
  const prefix = namespace ? `${kind.prefix}${namespace}/` : kind.prefix;
  const labels = labelSelector ? parseLabelSelector(labelSelector) : undefined;
  const fields = fieldSelector ? parseFieldSelector(fieldSelector, kind) : undefined;
  const whole = prefix === kind.prefix;
  return {
    apiVersion: kind.apiVersion,
    key: `${kind.apiVersion}\0${namespace}\0${labelSelector}\0${fieldSelector}`,
    prefix,
    everything: !labels && !fields,
    byFields: fields !== undefined,
    matches: (entry) => (whole || entry.key.startsWith(prefix)) && (!labels || labels(entry.labels)) && (!fields || fields(entry.object)),
    trigger: fieldSelector ? triggerOf(kind, fieldSelector) : undefined,
  };
}

function triggerOf(kind: Kind, text: string): Filter['trigger'] {
  for (const [field, read] of Object.entries(kind.selectableFields)) {
    const value = fieldSelectorValue(text, field);
    if (value !== undefined) return { field, value, read };
  }
  const name = fieldSelectorValue(text, 'metadata.name');
  return name === undefined ? undefined : { field: 'metadata.name', value: name, read: (object) => object.metadata?.name ?? '' };
}

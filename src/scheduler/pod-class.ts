import type { V1Pod } from '#kinds';

type Labels = { readonly [key: string]: string };

/** What other pods' terms and constraints can tell of a pod. Pods of one workload are all alike in this. */
export interface PodFacts {
  readonly namespace: string;
  readonly labels: Labels;
  readonly terminating: boolean;
  /** Uid of the controller; '' without one. */
  readonly owner: string;
}

/** One text per sort of pods. */
export function classKey({ metadata }: V1Pod, owner: string): string {
  const { labels = {} } = metadata ?? {};
  const sorted = Object.keys(labels).sort();
  let key = `${metadata?.namespace ?? ''}\n${owner}\n${metadata?.deletionTimestamp === undefined ? '' : '-'}`;
  for (const name of sorted) key += `\n${name}=${labels[name]}`;
  return key;
}

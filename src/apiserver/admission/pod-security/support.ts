import type { CheckPod, Container, PodSpec } from './types.ts';

/** In the order in which they are told. */
export function allContainers(spec: PodSpec): Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}
export const namesOf = (containers: readonly Container[]): string[] => containers.map(({ name }) => name);
/** `container "a"`, `containers "a", "b"`. */
export function named(word: string, names: readonly string[]): string {
  return `${plural(word, names)} ${quoted(names)}`;
}
export const plural = (word: string, of: readonly unknown[]): string => (of.length === 1 ? word : `${word}s`);
export const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');
export const unique = (values: readonly string[]): string[] => [...new Set(values)].toSorted();

/** Who set something: the pod, these containers, or both; undefined when nobody did. */
export function setters(pod: boolean, containers: readonly string[]): string | undefined {
  const all = [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [named('container', containers)] : [])];
  return all.length > 0 ? all.join(' and ') : undefined;
}
/** Windows knows none of what is checked. */
export const exceptWindows = (check: CheckPod): CheckPod => onlyIf((spec) => spec.os?.name !== 'windows', check);
/** Root in a user namespace is nobody outside of it (KEP-127). */
export const unlessOwnUsers = (check: CheckPod): CheckPod => onlyIf((spec) => spec.hostUsers !== false, check);
function onlyIf(holds: (spec: PodSpec) => boolean, check: CheckPod): CheckPod {
  return (spec, metadata) => (holds(spec) ? check(spec, metadata) : undefined);
}

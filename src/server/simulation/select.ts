import type { V1LabelSelector } from '#kinds';

/** Whether labels match a selector with matchLabels only, which is all that simulations use. No selector matches nothing. */
export function labelsMatch(selector: V1LabelSelector | undefined, labels: Readonly<Record<string, string>>): boolean {
  return selector !== undefined && Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

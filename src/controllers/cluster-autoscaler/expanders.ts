import type { Random } from '#base';
import { instanceTypes } from '#kinds';
import { nameOf } from './types.ts';
import type { Option } from './scale-up.ts';

/** Leaves the better ones of several options. */
type Expander = (options: readonly Option[]) => readonly Option[];

const best =
  (score: (option: Option) => number): Expander =>
  (options) => {
    const most = Math.max(...options.map(score));
    return options.filter((option) => score(option) >= most - 1e-9);
  };
/** What the new nodes cost an hour, for each pod that they take. A machine of no known price costs as much as it is large. */
function priceOf({ group, count, pods }: Option): number {
  const { instanceType = '' } = group.spec?.template ?? {};
  return ((instanceTypes.get(instanceType)?.price ?? unknownPrice) * count) / pods.length;
}
const unknownPrice = 1.5;

/** The expanders of cluster-autoscaler that need nobody else. */
export const expanders: { readonly [name: string]: Expander } = {
  priority: best(({ group }) => group.spec?.priority ?? 0),
  price: best((option) => -priceOf(option)),
  'least-waste': best(({ waste }) => -waste),
  'most-pods': best(({ pods }) => pods.length),
  'least-nodes': best(({ count }) => -count),
  random: (options) => options,
};

/** One option, by expanders in turn; what they leave alike is left to chance. */
export function choose(options: readonly Option[], names: readonly string[], random: Random): Option | undefined {
  let left = options.toSorted((a, b) => (nameOf(a.group) < nameOf(b.group) ? -1 : 1));
  for (const name of names) if (left.length > 1) left = [...(expanders[name]?.(left) ?? left)];
  return left.length > 1 ? left[Math.floor(random.next() * left.length)] : left[0];
}

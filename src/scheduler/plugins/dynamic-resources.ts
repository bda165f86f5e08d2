import { pure, Refusal } from '../plugin.ts';

const refusal = new Refusal('dynamic resource allocation is not implemented: the resource claims of the pod cannot be allocated');

/** Devices of ResourceClaims are not allocated here: a pod that needs them is told so, and waits. */
export const dynamicResources = pure({
  name: 'DynamicResources',
  filter: {
    name: 'DynamicResources',
    applies: ({ pod }) => Boolean(pod.spec?.resourceClaims?.length),
    prepare: () => refusal,
    filter: () => refusal.rejection,
    unstuckBy: () => false,
    advice: () => 'run the pod without spec.resourceClaims',
  },
});

import { pure } from '../plugin.ts';

const gated = { reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' };

/** A pod with spec.schedulingGates is not looked at until the last of them is taken away. */
export const schedulingGates = pure({
  name: 'SchedulingGates',
  gate: ({ pod }) => (pod.spec?.schedulingGates?.length ? gated : undefined),
});

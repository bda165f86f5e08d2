import { tolerated } from '#kinds';
import { reject, type FilterPlugin } from '../plugin.ts';

const rejected = reject('node(s) were unschedulable', true);
const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take no pods but those that tolerate the taint that stands for it. */
export const nodeUnschedulable: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter: (pod, node) => (node.unschedulable && !tolerated(pod.tolerations, taint) ? rejected : undefined),
  unstuckBy: (event) =>
    event.type === 'NodeAdded' ? !event.node.unschedulable : event.type === 'NodeChanged' && event.change.unschedulable && !event.node.unschedulable,
};

import { tolerated } from '#kinds';
import { pure, reject, type FilterPlugin } from '../plugin.ts';

const rejected = reject('node(s) were unschedulable', true);
const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take no pods but those that tolerate the taint that stands for it. */
export const nodeUnschedulableFilter: FilterPlugin = {
  name: 'NodeUnschedulable',
  filter: (pod, node) => (node.unschedulable && !tolerated(pod.tolerations, taint) ? rejected : undefined),
  unstuckBy: (event) =>
    event.type === 'NodeAdded' ? !event.node.unschedulable : event.type === 'NodeChanged' && event.change.unschedulable && !event.node.unschedulable,
  advice: (_pod, node) => `kubectl uncordon ${node.name}`,
};

export const nodeUnschedulable = pure({ name: 'NodeUnschedulable', filter: nodeUnschedulableFilter });

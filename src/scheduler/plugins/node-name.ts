import { pure, reject, type FilterPlugin } from '../plugin.ts';

const rejected = reject("node(s) didn't match the requested node name", true);

/** A pod that names its node goes there or nowhere. */
export const nodeNameFilter: FilterPlugin = {
  name: 'NodeName',
  applies: (pod) => Boolean(pod.pod.spec?.nodeName),
  filter: (pod, node) => (pod.pod.spec?.nodeName === node.name ? undefined : rejected),
  unstuckBy: (event, pod) => event.type === 'NodeAdded' && event.node.name === pod.pod.spec?.nodeName,
};

export const nodeName = pure({ name: 'NodeName', filter: nodeNameFilter });

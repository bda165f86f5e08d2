import { pure, reject, type FilterPlugin } from '../plugin.ts';

const rejected = reject("node(s) didn't have free ports for the requested pod ports");

/** A host port can be taken once per node, address and protocol. */
export const nodePortsFilter: FilterPlugin = {
  name: 'NodePorts',
  applies: (pod) => pod.hostPorts.length > 0,
  filter: (pod, node) => (pod.hostPorts.some((port) => node.portTaken(port)) ? rejected : undefined),
  unstuckBy(event, pod) {
    if (event.type === 'NodeAdded') return true;
    return event.type === 'PodRemoved' && event.pod.hostPorts.some((a) => pod.hostPorts.some((b) => a.port === b.port && a.protocol === b.protocol));
  },
  advice: () => 'free the host port on this node, or do not ask for one',
};

export const nodePorts = pure({ name: 'NodePorts', filter: nodePortsFilter });

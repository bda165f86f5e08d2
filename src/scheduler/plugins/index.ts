import { pure, type PluginDefinition } from '../plugin.ts';
import { balancedAllocation } from './balanced-allocation.ts';
import { dynamicResources } from './dynamic-resources.ts';
import { interPodAffinity, interPodAffinityScore } from './inter-pod-affinity.ts';
import { leastAllocated } from './least-allocated.ts';
import { nodeAffinity, nodeAffinityScore } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { podTopologySpread, podTopologySpreadScore } from './pod-topology-spread.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration, taintTolerationScore } from './taint-toleration.ts';
import { volumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

/** Every plugin there is, in kube-scheduler's order. A new one is a file here and a line below. */
export const definitions: readonly PluginDefinition[] = [
  schedulingGates,
  pure({ name: 'NodeUnschedulable', filter: nodeUnschedulable }),
  pure({ name: 'NodeName', filter: nodeName }),
  pure({ name: 'TaintToleration', filter: taintToleration, score: taintTolerationScore }),
  pure({ name: 'NodeAffinity', filter: nodeAffinity, score: nodeAffinityScore }),
  pure({ name: 'NodePorts', filter: nodePorts }),
  pure({ name: 'NodeResourcesFit', filter: nodeResourcesFit, score: leastAllocated }),
  volumeRestrictions,
  nodeVolumeLimits,
  volumeBinding,
  volumeZone,
  pure({ name: 'PodTopologySpread', filter: podTopologySpread, score: podTopologySpreadScore }),
  pure({ name: 'InterPodAffinity', filter: interPodAffinity, score: interPodAffinityScore }),
  dynamicResources,
  pure({ name: 'NodeResourcesBalancedAllocation', score: balancedAllocation }),
];

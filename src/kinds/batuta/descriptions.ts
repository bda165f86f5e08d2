import type { TypeDescriptions } from '#machinery';

const at = (name: string): string => `dev.batuta.v1alpha1.${name}`;
const standard = {
  apiVersion: 'APIVersion defines the versioned schema of this representation of an object.',
  kind: 'Kind is a string value representing the REST resource this object represents.',
  metadata: 'Standard object metadata.',
};

/** What `kubectl explain` says of our own types. */
export const batutaDescriptions: TypeDescriptions = {
  BatutaNodeGroup: {
    name: at('NodeGroup'),
    description: 'NodeGroup is a set of simulated machines of one template, which can be scaled.',
    fields: { ...standard, spec: 'What there is to be.', status: 'What there is.' },
  },
  BatutaNodeGroupSpec: {
    name: at('NodeGroupSpec'),
    description: 'NodeGroupSpec says how many nodes there are to be, and what they are like.',
    fields: {
      replicas: 'Nodes that there are to be. Default: min.',
      min: 'The fewest nodes that an autoscaler leaves. Default: 0.',
      max: 'The most nodes that an autoscaler makes. Default: what replicas was at creation.',
      priority: 'Weight for expanders that go by priority: the highest is scaled up first.',
      scaleDown: 'How nodes go when there are to be fewer: Abrupt (a lost machine, the default) or Drain (cordoned, its pods evicted first).',
      template: 'What the nodes are made like. A change holds for nodes that are made after it.',
    },
  },
  BatutaNodeGroupStatus: {
    name: at('NodeGroupStatus'),
    description: 'NodeGroupStatus is what there is of the group.',
    fields: { replicas: 'Nodes of the group.', ready: 'Those that are Ready.', observedGeneration: 'The generation that the status is about.' },
  },
  BatutaNodeTemplate: {
    name: at('NodeTemplate'),
    description: 'NodeTemplate describes a simulated machine.',
    fields: {
      instanceType: 'A type of EC2, such as m5.large. Absent: 32 cores, 256Gi and 110 pods.',
      region: 'Value of the label topology.kubernetes.io/region. Default: sim.',
      zones: 'Nodes go to these zones in turn. Default: zone-a, zone-b, zone-c.',
      labels: 'Labels of the nodes.',
      annotations: 'Annotations of the nodes.',
      taints: 'Taints of the nodes.',
      capacity: 'On top of what the instance type has: extended resources, or other figures.',
      allocatable: 'What pods may use. Absent: what the system of such a machine leaves.',
      images: 'Images that the nodes have from the start.',
      startDelaySeconds: 'How long a machine takes from its order to Ready.',
    },
  },
};

import { formatBytes, quantityToNumber } from '#base';
import type { CompactTypes } from '#machinery';
import type { V1Node, V1Taint } from '../generated/types.ts';
import { instanceTypes, type InstanceType } from './instance-types.ts';

/** What the nodes of a group are made like. */
export interface NodeTemplate {
  /** A row of the table of instance types; absent: a machine of 32 cores, 256Gi and 110 pods. */
  instanceType?: string;
  region?: string;
  /** Nodes go to these in turn. */
  zones?: string[];
  labels?: { [key: string]: string };
  annotations?: { [key: string]: string };
  taints?: V1Taint[];
  /** On top of what the instance type has: extended resources, or other figures. */
  capacity?: { [resource: string]: string };
  /** What pods may use of it; absent: what the system of such a machine leaves. */
  allocatable?: { [resource: string]: string };
  /** Images that the nodes have from the start. */
  images?: string[];
  /** How long a machine takes from its order to Ready. */
  startDelaySeconds?: number;
}

export const nodeTemplateTypes: CompactTypes = {
  BatutaNodeTemplate: {
    instanceType: 's',
    region: 's',
    zones: 's[]',
    labels: 's{}',
    annotations: 's{}',
    taints: 'V1Taint[]',
    capacity: 'q{}',
    allocatable: 'q{}',
    images: 's[]',
    startDelaySeconds: 'i',
  },
};

export const defaultZones: readonly string[] = ['zone-a', 'zone-b', 'zone-c'];
export const defaultRegion = 'sim';
const defaultCapacity = { cpu: '32', memory: '256Gi', pods: '110', 'ephemeral-storage': '500Gi' };
const diskOfInstances = '80Gi';

type Resources = { [resource: string]: string };

/** What a machine of this template has. */
export function capacityOf(template: NodeTemplate): Resources {
  const type = instanceTypes.get(template.instanceType ?? '');
  return { ...(type ? machine(type) : defaultCapacity), ...template.capacity };
}
function machine(type: InstanceType): Resources {
  return {
    cpu: String(type.vcpus),
    memory: `${type.memoryGi}Gi`,
    pods: String(type.pods),
    'ephemeral-storage': diskOfInstances,
    ...(type.gpus ? { 'nvidia.com/gpu': String(type.gpus) } : {}),
  };
}

/** What is left for pods: capacity less what EKS keeps for kubelet and system on such a machine. */
export function allocatableOfTemplate(template: NodeTemplate): Resources {
  const capacity = capacityOf(template);
  if (!instanceTypes.has(template.instanceType ?? '')) return { ...capacity, ...template.allocatable };
  const cores = quantityToNumber(capacity['cpu']);
  const memory = quantityToNumber(capacity['memory']) - (355 + 11 * quantityToNumber(capacity['pods'])) * 2 ** 20;
  return { ...capacity, cpu: `${Math.floor(cores * 1000 - reservedMilli(cores))}m`, memory: formatBytes(Math.max(0, memory)), ...template.allocatable };
}
/** 6 % of the first core, 1 % of the second, 0.5 % of the next two, 0.25 % of the rest. */
function reservedMilli(cores: number): number {
  return 60 + 10 * Math.min(1, cores - 1) + 5 * Math.max(0, Math.min(2, cores - 2)) + 2.5 * Math.max(0, cores - 4);
}

/** The labels that a cloud gives such a machine, and the template's own. */
export function labelsOfTemplate(template: NodeTemplate, zone: string | undefined): { [key: string]: string } {
  const region = template.region ?? defaultRegion;
  return {
    type: 'sim',
    'topology.kubernetes.io/region': region,
    ...(zone ? { 'topology.kubernetes.io/zone': zone } : {}),
    ...(template.instanceType ? { 'node.kubernetes.io/instance-type': template.instanceType } : {}),
    ...template.labels,
  };
}
export const archOfTemplate = (template: NodeTemplate): string | undefined =>
  instanceTypes.has(template.instanceType ?? '') ? (instanceTypes.get(template.instanceType ?? '')?.arch ?? 'amd64') : undefined;

/** The node that the template would give in a zone, as it looks when it is Ready: what an autoscaler tries pods on. */
export function nodeOfTemplate(template: NodeTemplate, name: string, zone: string | undefined): V1Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': archOfTemplate(template) ?? 'amd64',
        ...labelsOfTemplate(template, zone),
      },
      annotations: { ...template.annotations },
    },
    spec: template.taints?.length ? { taints: template.taints } : {},
    status: { capacity: capacityOf(template), allocatable: allocatableOfTemplate(template), conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

import { allocatableOfTemplate, archOfTemplate, capacityOf, labelsOfTemplate, nodeGroupLabel, type NodeTemplate, type V1Node } from '#kinds';
import type { NodeConfig } from '../node-status.ts';

type Place = { podCIDR: string; ip: string };
/** Of the providerID, which can never be changed. */
export const providerPrefix = 'batuta://';

type Capacity = NodeConfig['capacity'];

/** What a machine of a group is, by its template. */
export function configOfTemplate(template: NodeTemplate, group: string, name: string, zone: string, { podCIDR, ip }: Place): NodeConfig {
  const arch = archOfTemplate(template);
  return {
    name,
    hostname: name,
    podCIDR,
    internalIP: ip,
    capacity: capacityOf(template) as Capacity,
    allocatable: allocatableOfTemplate(template),
    labels: {
      ...(arch ? { 'kubernetes.io/arch': arch, 'beta.kubernetes.io/arch': arch } : {}),
      ...labelsOfTemplate(template, zone),
      [nodeGroupLabel]: group,
    },
    ...(template.annotations ? { annotations: template.annotations } : {}),
    ...(template.taints ? { taints: template.taints } : {}),
    providerID: `${providerPrefix}${zone}/${name}`,
  };
}

/** A machine for a Node that somebody wrote himself: what the object says of it counts. */
export function configOfNode(node: V1Node, { podCIDR, ip }: Place): NodeConfig {
  const name = node.metadata?.name ?? '';
  const { capacity, allocatable, addresses = [] } = node.status ?? {};
  const own = capacity ?? allocatable ?? {};
  const address = (type: string): string | undefined => addresses.find((a) => a.type === type)?.address;
  return {
    name,
    hostname: address('Hostname') ?? name,
    podCIDR: node.spec?.podCIDR ?? podCIDR,
    internalIP: address('InternalIP') ?? ip,
    capacity: { ...(capacityOf({}) as Capacity), ...own },
    ...(allocatable ? { allocatable } : {}),
    labels: { ...node.metadata?.labels },
  };
}

/** Addresses of an instance, a pure function of its slot and its node counts. */
export interface NodePlan {
  name: string;
  podCIDR: string;
  ip: string;
}
export interface NetworkPlan {
  podCIDR: string;
  serviceCIDR: string;
  kubernetesIP: string;
  dnsIP: string;
  /** Ranges for nodes that others make: the real and the simulated nodes of this instance never use them. */
  spareNodeCIDRs: string[];
  nodes: NodePlan[];
  simNodes: NodePlan[];
}

export const slots = 32;
export const maxNodes = 200;
export const maxSimNodes = 16_000;

export function planNetwork(slot: number, nodes: number, simNodes: number): NetworkPlan {
  const pods = 64 + slot;
  const services = 96 + slot;
  return {
    podCIDR: `10.${pods}.0.0/16`,
    serviceCIDR: `10.${services}.0.0/16`,
    kubernetesIP: `10.${services}.0.1`,
    dnsIP: `10.${services}.0.10`,
    spareNodeCIDRs: [`10.${pods}.200.0/21`, `10.${pods}.208.0/20`, `10.${pods}.224.0/19`, '198.18.0.0/15'],
    nodes: Array.from({ length: nodes }, (_, i) => ({ name: `node-${i + 1}`, podCIDR: `10.${pods}.${i}.0/24`, ip: `10.${pods}.${i}.1` })),
    simNodes: Array.from({ length: simNodes }, (_, i) => {
      const net = `100.${64 + (i >> 8)}.${i & 255}`;
      return { name: `sim-${String(i + 1).padStart(5, '0')}`, podCIDR: `${net}.0/24`, ip: `${net}.1` };
    }),
  };
}

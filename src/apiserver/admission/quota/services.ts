import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import type { Evaluator } from './evaluator.ts';

interface Service extends KubeObject {
  spec?: { type?: string; ports?: { nodePort?: number }[]; allocateLoadBalancerNodePorts?: boolean };
}

/** Services: their number, their node ports, and how many have a load balancer. */
export const serviceEvaluator: Evaluator = {
  group: '',
  plural: 'services',
  updates: [''],
  limits: (resource) => resource === 'services' || resource === 'services.nodeports' || resource === 'services.loadbalancers',
  usage(object) {
    const { type, ports = [], allocateLoadBalancerNodePorts } = (object as Service).spec ?? {};
    const balanced = type === 'LoadBalancer';
    // A load balancer that gets no node ports may still have some that it named.
    const counted = balanced && allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports;
    return new Map([
      ['services', wholeAmount(1)],
      ['services.nodeports', wholeAmount(balanced || type === 'NodePort' ? counted.length : 0)],
      ['services.loadbalancers', wholeAmount(balanced ? 1 : 0)],
    ]);
  },
};

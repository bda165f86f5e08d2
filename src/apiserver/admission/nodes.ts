import type { KubeObject } from '#machinery';
import type { AdmissionPlugin, ObjectReader } from '../types.ts';
import { isPods } from './pods.ts';

interface Node extends KubeObject {
  spec?: { taints?: { key: string; value?: string; effect: string }[] };
}
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

/** No pod is placed on a new node before it said that it is ready: the node lifecycle controller takes the taint off. */
export function taintNewNodes(): AdmissionPlugin {
  return {
    name: 'TaintNodesByCondition',
    handles: (kind) => kind.group === '' && kind.plural === 'nodes',
    operations: ['CREATE'],
    mutate({ object }) {
      const spec = ((object as Node).spec ??= {});
      if (!spec.taints?.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) spec.taints = [...(spec.taints ?? []), { ...notReady }];
    },
  };
}

const topologyLabels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Pods carry the zone and region of their node (KEP-4742), given to them as they are bound or created on it. */
export function podTopologyLabels(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'PodTopologyLabels',
    handles: isPods,
    operations: ['CREATE'],
    subresources: true,
    start: (given) => void (reader = given),
    mutate({ object, subresource }) {
      if (subresource !== undefined && subresource !== 'binding') return;
      const { target, spec } = object as { target?: { name?: string }; spec?: { nodeName?: string } };
      const name = subresource ? target?.name : spec?.nodeName;
      const labels = name ? reader.get('', 'nodes', undefined, name)?.metadata?.labels : undefined;
      if (!labels || !topologyLabels.some((key) => key in labels)) return;
      const metadata = (object.metadata ??= {});
      const copied = topologyLabels.flatMap((key) => (labels[key] === undefined ? [] : [[key, labels[key]]]));
      metadata.labels = { ...metadata.labels, ...(Object.fromEntries(copied) as { [label: string]: string }) };
    },
  };
}

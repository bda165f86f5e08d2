import { requiredNodes, tolerated, type V1Affinity, type V1DaemonSet, type V1Node, type V1Pod, type V1Toleration } from '#kinds';

/** What a node means to a DaemonSet: whether a pod is to be started on it, and whether one that is there may stay. */
export interface Placement {
  readonly run: boolean;
  readonly stay: boolean;
}
const nowhere: Placement = { run: false, stay: false };

const tolerate = (key: string, effect: string): V1Toleration => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect });
const addedTolerations = [
  tolerate('not-ready', 'NoExecute'),
  tolerate('unreachable', 'NoExecute'),
  tolerate('disk-pressure', 'NoSchedule'),
  tolerate('memory-pressure', 'NoSchedule'),
  tolerate('pid-pressure', 'NoSchedule'),
  tolerate('unschedulable', 'NoSchedule'),
];
/** The template's own, and those by which a node's troubles do not drive its daemons away. */
export function tolerationsOf(set: V1DaemonSet): V1Toleration[] {
  const spec = set.spec?.template.spec;
  const all = [...(spec?.tolerations ?? [])];
  for (const added of [...addedTolerations, ...(spec?.hostNetwork ? [tolerate('network-unavailable', 'NoSchedule')] : [])])
    if (!all.some((t) => t.key === added.key && t.operator === added.operator && t.effect === added.effect && !t.value)) all.push(added);
  return all;
}

const known = new WeakMap<V1DaemonSet, (node: V1Node) => Placement>();
/** By all that decides: a set whose status was written is another object, and asks for the same. */
const ofWish = new Map<string, (node: V1Node) => Placement>();
const mostKnown = 200;

/** Where the set's pods belong. (Kubernetes: NodeShouldRunDaemonPod.) */
export function placementOf(set: V1DaemonSet): (node: V1Node) => Placement {
  let found = known.get(set);
  if (!found) known.set(set, (found = placementOfWish(set)));
  return found;
}
function placementOfWish(set: V1DaemonSet): (node: V1Node) => Placement {
  const { nodeName, nodeSelector, affinity, tolerations, hostNetwork } = set.spec?.template.spec ?? {};
  const wish = JSON.stringify([nodeName, nodeSelector, affinity?.nodeAffinity, tolerations, hostNetwork]);
  let place = ofWish.get(wish);
  if (place) return place;
  place = remembering(placement(set));
  if (ofWish.size >= mostKnown) ofWish.clear();
  ofWish.set(wish, place);
  return place;
}
/** Nodes are looked at again and again, and change seldom. */
function remembering(place: (node: V1Node) => Placement): (node: V1Node) => Placement {
  const places = new WeakMap<V1Node, Placement>();
  return (node) => {
    let found = places.get(node);
    if (!found) places.set(node, (found = place(node)));
    return found;
  };
}
function placement(set: V1DaemonSet): (node: V1Node) => Placement {
  const spec = set.spec?.template.spec;
  const chosen = requiredNodes(spec ? { spec } : {});
  const tolerations = tolerationsOf(set);
  return (node) => {
    const name = node.metadata?.name ?? '';
    if (spec?.nodeName && spec.nodeName !== name) return nowhere;
    if (chosen && !chosen({ name, labels: node.metadata?.labels ?? {} })) return nowhere;
    const unwelcome = (node.spec?.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule' && !tolerated(tolerations, taint));
    return { run: unwelcome.length === 0, stay: !unwelcome.some((taint) => taint.effect === 'NoExecute') };
  };
}

/** The template's affinity, bound to one node by its name, for the scheduler to bind the pod there. */
export function boundTo(affinity: V1Affinity | undefined, node: string): V1Affinity {
  const term = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } };
}
/** The node that a pod is on or is meant for. */
export function nodeOf(pod: V1Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const field = terms.flatMap((t) => t.matchFields ?? []).find((f) => f.key === 'metadata.name' && f.operator === 'In' && f.values?.length === 1);
  return field?.values?.[0];
}

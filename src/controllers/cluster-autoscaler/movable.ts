/** What keeps a node from being emptied (the FAQ of cluster-autoscaler: "What types of pods can prevent CA from removing a node?"). Pure. */
import { labelSelectorMatcher, type KubeObject } from '#machinery';
import type { V1Pod, V1PodDisruptionBudget } from '#kinds';

const safe = 'cluster-autoscaler.kubernetes.io/safe-to-evict';
const safeVolumes = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
const controllerOf = ({ metadata }: KubeObject): { kind: string } | undefined => metadata?.ownerReferences?.find(({ controller }) => controller);

/** Pods that go with their node and come with every node. */
export function staysWithNode(pod: V1Pod): boolean {
  return controllerOf(pod)?.kind === 'DaemonSet' || pod.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}
export function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** Why a pod must not be moved; undefined when it may. */
export function holds(pod: V1Pod, budgets: readonly V1PodDisruptionBudget[]): string | undefined {
  const { annotations = {}, namespace = '', name = '' } = pod.metadata ?? {};
  const own = budgets.filter((budget) => guards(budget, pod));
  const is = annotations[safe];
  const ref = `${namespace}/${name}`;
  if (is === 'false') return `pod annotated as not safe to evict present: ${name}`;
  if (is !== 'true') {
    if (!controllerOf(pod)) return `${ref} is not replicated`;
    if (namespace === 'kube-system' && own.length === 0) return `non-daemonset, non-mirrored, non-pdb-assigned kube-system pod present: ${name}`;
    const local = localVolume(pod);
    if (local !== undefined) return `pod with local storage present: ${name}`;
  }
  const tight = own.find(({ status }) => (status?.disruptionsAllowed ?? 0) < 1);
  return tight && `not enough pod disruption budget to move ${ref}`;
}
function guards({ metadata, spec }: V1PodDisruptionBudget, pod: V1Pod): boolean {
  return metadata?.namespace === pod.metadata?.namespace && spec?.selector !== undefined && labelSelectorMatcher(spec.selector)(pod.metadata?.labels);
}
function localVolume(pod: V1Pod): string | undefined {
  const allowed = (pod.metadata?.annotations?.[safeVolumes] ?? '').split(',').map((name) => name.trim());
  return (pod.spec?.volumes ?? []).find(({ name, emptyDir, hostPath }) => (hostPath || (emptyDir && emptyDir.medium !== 'Memory')) && !allowed.includes(name))
    ?.name;
}

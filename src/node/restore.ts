import { quantityToNumber } from '#base';
import type { V1Pod } from '#kinds';
import { containerHash, findContainer, nameOf, namespaceOf, uidOf } from './pod.ts';
import type { RestoredPod } from './runtime.ts';

/** What a runtime without memory needs to take up a pod where it was; undefined for pods that did not run. */
export function restoredPod(pod: V1Pod): RestoredPod | undefined {
  const { status } = pod;
  if (status?.phase !== 'Running' && status?.phase !== 'Pending') return undefined;
  const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].filter((s) => s.state?.running && s.containerID);
  if (statuses.length === 0) return undefined;
  return {
    podUid: uidOf(pod),
    namespace: namespaceOf(pod),
    name: nameOf(pod),
    ips: (status.podIPs ?? []).map((p) => p.ip),
    annotations: pod.metadata?.annotations ?? {},
    startedAt: Date.parse(status.startTime ?? '') || 0,
    containers: statuses.map((s) => ({
      id: (s.containerID ?? '').replace(/^[a-z]+:\/\//, ''),
      name: s.name,
      attempt: s.restartCount,
      image: s.image,
      imageId: s.imageID,
      startedAt: Date.parse(s.state?.running?.startedAt ?? '') || 0,
      initial: findContainer(pod, s.name)?.type === 'init',
      memoryLimit: quantityToNumber((s.resources ?? findContainer(pod, s.name)?.container.resources)?.limits?.['memory']),
      annotations: { 'io.kubernetes.container.hash': containerHash(findContainer(pod, s.name)?.container ?? { name: s.name }) },
    })),
  };
}

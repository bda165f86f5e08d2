import { Node, Pod, type V1Node, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import type { Controller, ControllerContext } from '../controller.ts';
import { isPodTerminal, isTerminating } from '../pods.ts';
import { conditionStatus } from './taints.ts';
import { disruptPod, type Disruption } from './disrupt.ts';

const sweep = 'sweep';
const outOfService = 'node.kubernetes.io/out-of-service';
/** Nobody is left to end the pod properly. */
const away: Disruption = { gracePeriodSeconds: 0, failed: true };

/** Removes pods that nobody else will: of vanished nodes, never bound and deleted, and ended ones beyond a number. */
export const podGcController: Controller = {
  name: 'pod-gc',
  component: 'pod-garbage-collector',
  setup(context) {
    const { terminatedPodThreshold = 12_500, podGcPeriodMs = 20_000, orphanQuarantineMs = 40_000 } = context.options;
    const pods = context.informer(Pod);
    const nodes = context.informer(Node);
    const missingSince = new Map<string, number>();
    context.enqueue(sweep);

    return async () => {
      const all = pods.list();
      const vanished = new Set(await vanishedNodes(all));
      const orphans = all.filter((pod) => pod.spec?.nodeName !== undefined && vanished.has(pod.spec.nodeName));
      const orphaned: Disruption = { ...away, why: { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' } };
      const results = await Promise.allSettled([
        ...surplus(all, terminatedPodThreshold).map((pod) => disruptPod(context, pod, away)),
        ...orphans.map((pod) => disruptPod(context, pod, orphaned)),
        ...all.filter((pod) => isTerminating(pod) && !pod.spec?.nodeName).map((pod) => disruptPod(context, pod, away)),
        ...all
          .filter((pod) => isTerminating(pod) && isOutOfService(nodes.get(undefined, pod.spec?.nodeName ?? '')))
          .map((pod) => disruptPod(context, pod, away)),
      ]);
      for (const result of results) if (result.status === 'rejected') context.log.warn('pod not removed', { error: result.reason as unknown });
      return podGcPeriodMs;
    };

    /** A node must be missing for a while, and the API itself must say so: a cache may be behind. */
    async function vanishedNodes(all: readonly V1Pod[]): Promise<string[]> {
      const now = context.clock.now();
      const missing = new Set(all.flatMap((pod) => (pod.spec?.nodeName && !nodes.get(undefined, pod.spec.nodeName) ? [pod.spec.nodeName] : [])));
      for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
      for (const name of missing) if (!missingSince.has(name)) missingSince.set(name, now);
      const overdue = [...missingSince].filter(([, since]) => now - since >= orphanQuarantineMs).map(([name]) => name);
      const absent = await Promise.all(overdue.map((name) => isAbsent(context, name)));
      return overdue.filter((_name, i) => absent[i]);
    }
  },
};

/** Of the ended pods those beyond the threshold: evicted ones first, then the oldest. */
function surplus(pods: readonly V1Pod[], threshold: number): V1Pod[] {
  if (threshold <= 0) return [];
  const ended = pods.filter((pod) => isPodTerminal(pod) && !isTerminating(pod));
  const order = (pod: V1Pod): string => `${pod.status?.reason === 'Evicted' ? 0 : 1} ${pod.metadata?.creationTimestamp ?? ''}`;
  return ended.sort((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, Math.max(0, ended.length - threshold));
}
const isOutOfService = (node: V1Node | undefined): boolean =>
  node !== undefined && conditionStatus(node, 'Ready') !== 'True' && (node.spec?.taints ?? []).some((t) => t.key === outOfService);

async function isAbsent(context: ControllerContext, node: string): Promise<boolean> {
  try {
    await context.api.get(Node, { name: node });
    return false;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return true;
    throw error;
  }
}

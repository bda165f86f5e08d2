import { Node, Pod, type V1Node, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import type { Controller, ControllerContext } from '../controller.ts';
import { isPodTerminal, isTerminating } from '../pods.ts';
import { conditionStatus } from './taints.ts';
import { disruptPod, type Disruption } from './disrupt.ts';

const sweep = 'sweep';
const terminating = 'terminating';
const ended = 'ended';
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
    // A sweep looks at what might have to go, not at all pods that there are.
    pods.addIndex('nodeName', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
    pods.addIndex('leaving', (pod) => (isTerminating(pod) ? [terminating] : isPodTerminal(pod) ? [ended] : []));
    context.enqueue(sweep);

    return async () => {
      const orphans = (await vanishedNodes()).flatMap((name) => pods.byIndex('nodeName', name));
      const leaving = pods.byIndex('leaving', terminating);
      const orphaned: Disruption = { ...away, why: { reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' } };
      const results = await Promise.allSettled([
        ...surplus(pods.byIndex('leaving', ended), terminatedPodThreshold).map((pod) => disruptPod(context, pod, away)),
        ...orphans.map((pod) => disruptPod(context, pod, orphaned)),
        ...leaving.filter((pod) => !pod.spec?.nodeName).map((pod) => disruptPod(context, pod, away)),
        ...leaving.filter((pod) => isOutOfService(nodes.get(undefined, pod.spec?.nodeName ?? ''))).map((pod) => disruptPod(context, pod, away)),
      ]);
      for (const result of results) if (result.status === 'rejected') context.log.warn('pod not removed', { error: result.reason as unknown });
      return podGcPeriodMs;
    };

    /** A node must be missing for a while, and the API itself must say so: a cache may be behind. */
    async function vanishedNodes(): Promise<string[]> {
      const now = context.clock.now();
      const missing = new Set(pods.indexValues('nodeName').filter((name) => !nodes.get(undefined, name)));
      for (const name of missingSince.keys()) if (!missing.has(name)) missingSince.delete(name);
      for (const name of missing) if (!missingSince.has(name)) missingSince.set(name, now);
      const overdue = [...missingSince].filter(([, since]) => now - since >= orphanQuarantineMs).map(([name]) => name);
      const absent = await Promise.all(overdue.map((name) => isAbsent(context, name)));
      return overdue.filter((_name, i) => absent[i]);
    }
  },
};

/** Of pods that have ended those beyond the threshold: evicted ones first, then the oldest. */
function surplus(pods: readonly V1Pod[], threshold: number): V1Pod[] {
  if (threshold <= 0) return [];
  if (pods.length <= threshold) return [];
  const order = (pod: V1Pod): string => `${pod.status?.reason === 'Evicted' ? 0 : 1} ${pod.metadata?.creationTimestamp ?? ''}`;
  return pods.toSorted((a, b) => (order(a) < order(b) ? -1 : 1)).slice(0, pods.length - threshold);
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

import { formatTime } from '#base';
import { Node, Pod, type V1Node, type V1Pod, type V1Taint } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { isTerminating } from '../pods.ts';
import { evictionTime } from './taints.ts';

const noExecute = (node: V1Node | undefined): string => JSON.stringify((node?.spec?.taints ?? []).filter((t) => t.effect === 'NoExecute'));

/** Removes pods from nodes with NoExecute taints, once their tolerations have run out. Keys are pods. */
export const taintEvictionController: Controller = {
  name: 'taint-eviction',
  component: 'taint-eviction-controller',
  setup(context) {
    const pods = context.informer(Pod);
    pods.addIndex('nodeName', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
    const nodes = context.watch(Node, (node, old) => {
      const now = noExecute(node);
      return now === noExecute(old) || (now === '[]' && !old) ? [] : pods.byIndex('nodeName', (node ?? old)?.metadata?.name ?? '').map(keyFor);
    });
    context.watch(Pod, (pod, old) =>
      pod && noExecute(nodes.get(undefined, pod.spec?.nodeName ?? '')) !== '[]' && pod.spec?.nodeName !== old?.spec?.nodeName ? [keyFor(pod)] : [],
    );
    const marked = new Set<string>();
    const firstSeen = new Map<string, number>();

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod || isTerminating(pod)) return void marked.delete(key);
      const node = nodes.get(undefined, pod.spec?.nodeName ?? '');
      const at = node && evictionTime(pod, node, (taint) => seenAt(node, taint));
      if (at === undefined) {
        if (marked.delete(key)) context.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
        return;
      }
      const left = at - context.clock.now();
      if (left > 0) {
        marked.add(key);
        return left;
      }
      marked.delete(key);
      await evict(context, pod);
    };

    function seenAt(node: V1Node, taint: V1Taint): number {
      const id = `${node.metadata?.uid ?? ''} ${taint.key} ${taint.value ?? ''}`;
      const at = firstSeen.get(id) ?? context.clock.now();
      firstSeen.set(id, at);
      return at;
    }
  },
};

async function evict(context: ControllerContext, pod: V1Pod): Promise<void> {
  context.recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyFor(pod)}`);
  await disruptPod(context, pod, 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint', {});
}

/** Notes why the pod is taken away (condition DisruptionTarget), then deletes it. `failed` also ends it. */
export async function disruptPod(
  context: ControllerContext,
  pod: V1Pod,
  reason: string,
  message: string,
  options: { gracePeriodSeconds?: number; failed?: boolean },
): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata ?? {};
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: formatTime(context.clock.now()) };
  const conditions = [...(pod.status?.conditions ?? []).filter((c) => c.type !== 'DisruptionTarget'), condition];
  const fail = options.failed && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
  try {
    await context.api.update(Pod, { ...pod, status: { ...pod.status, conditions, ...(fail ? { phase: 'Failed' } : {}) } }, { subresource: 'status' });
    const grace = options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds };
    await context.api.delete(Pod, { namespace, name }, { ...grace, ...(uid ? { preconditions: { uid } } : {}) });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

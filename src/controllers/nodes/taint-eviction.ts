import { Node, Pod, type V1Node, type V1Pod, type V1Taint } from '#kinds';
import { keyFor, splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { isTerminating } from '../pods.ts';
import { disruptPod } from './disrupt.ts';
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
  await disruptPod(context, pod, { why: { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' } });
}

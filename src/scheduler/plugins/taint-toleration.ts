import { tolerated } from '#kinds';
import { pure, reject, type FilterPlugin, type ScorePlugin } from '../plugin.ts';

const rejected = reject('node(s) had untolerated taint(s)', true);

/** Taints NoSchedule and NoExecute keep away every pod that does not tolerate them. */
export const taintTolerationFilter: FilterPlugin = {
  name: 'TaintToleration',
  filter(pod, node) {
    for (const taint of node.hardTaints) if (!tolerated(pod.tolerations, taint)) return rejected;
    return undefined;
  },
  unstuckBy(event, pod) {
    if ((event.type !== 'NodeAdded' && event.type !== 'NodeChanged') || (event.type === 'NodeChanged' && !event.change.taints)) return false;
    return event.node.hardTaints.every((taint) => tolerated(pod.tolerations, taint));
  },
  advice(pod, node) {
    const taint = node.hardTaints.find((one) => !tolerated(pod.tolerations, one));
    return taint && `tolerate or remove the taint ${taint.key}${taint.value ? `=${taint.value}` : ''}:${taint.effect}`;
  },
};

/** Nodes with fewer PreferNoSchedule taints that the pod does not tolerate are better. */
export const taintTolerationScore: ScorePlugin = {
  name: 'TaintToleration',
  weight: 3,
  normalize: 'reversed',
  score(pod, node) {
    let count = 0;
    for (const taint of node.softTaints) if (!pod.tolerations.some((t) => (!t.effect || t.effect === 'PreferNoSchedule') && tolerated([t], taint))) count++;
    return count;
  },
};

export const taintToleration = pure({ name: 'TaintToleration', filter: taintTolerationFilter, score: taintTolerationScore });

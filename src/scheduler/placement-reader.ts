import { formatTime } from '#base';
import type { Informer } from '#client';
import type { V1Pod } from '#kinds';
import type { ClusterState } from './cluster-state.ts';
import { explainNodes } from './explain.ts';
import { placementVersion, type PlacementSource, type PlacementStatus, type PodPlacement } from './placements.ts';
import { podInfo, podUid } from './pod-info.ts';
import { defaultSchedulerName, type Profile } from './profile.ts';
import type { SchedulingQueue } from './queue.ts';

interface Deps {
  readonly pods: Informer<V1Pod>;
  readonly state: ClusterState;
  readonly queue: SchedulingQueue;
  profileOf(pod: V1Pod): Profile | undefined;
}

/** Of a list, only so many nodes are judged: thousands of pods on thousands of nodes would stop everything else. */
const verdictsPerList = 50_000;

/** Tells where pods stand, from the present state: nothing is kept for it. */
export class PlacementReader implements PlacementSource {
  readonly #deps: Deps;
  constructor(deps: Deps) {
    this.#deps = deps;
  }
  placement(namespace: string, name: string): PodPlacement | undefined {
    const pod = this.#deps.pods.get(namespace, name);
    return pod && this.#describe(pod);
  }
  placements(namespace: string | undefined): PodPlacement[] {
    const waiting = this.#deps.pods
      .list(namespace)
      .filter(({ spec, status }) => !spec?.nodeName && status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
    const explained = Math.floor(verdictsPerList / Math.max(1, this.#deps.state.nodes.length));
    return waiting.map((pod, i) => this.#describe(pod, i < explained));
  }
  #describe(pod: V1Pod, explain = true): PodPlacement {
    const { namespace, name, uid, creationTimestamp } = pod.metadata ?? {};
    const metadata = {
      ...(name ? { name } : {}),
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
      ...(creationTimestamp ? { creationTimestamp } : {}),
    };
    return { kind: 'PodPlacement', apiVersion: placementVersion, metadata, status: this.#status(pod, explain) };
  }
  #status(pod: V1Pod, explain: boolean): PlacementStatus {
    const { state, queue } = this.#deps;
    const schedulerName = pod.spec?.schedulerName ?? defaultSchedulerName;
    const condition = pod.status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
    const said = { ...(condition?.reason ? { reason: condition.reason } : {}), ...(condition?.message ? { message: condition.message } : {}) };
    const standing = queue.standing(podUid(pod));
    const base = { schedulerName, attempts: standing?.attempts ?? 0, ...said };
    if (pod.spec?.nodeName) return { ...base, state: 'Placed', nodeName: pod.spec.nodeName, nodes: [] };
    const profile = this.#deps.profileOf(pod);
    if (!profile) return { ...base, state: 'Foreign', nodes: [] };
    const nominatedNodeName = state.nominations.nodeOf(podUid(pod));
    return {
      ...base,
      state: condition?.reason === 'SchedulingGated' && !standing ? 'Gated' : 'Waiting',
      ...(nominatedNodeName ? { nominatedNodeName } : {}),
      ...(standing?.nextAttempt === undefined ? {} : { nextAttempt: formatTime(standing.nextAttempt) }),
      nodes: explain ? explainNodes(state, podInfo(pod), profile) : [],
    };
  }
}

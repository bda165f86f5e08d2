import { formatTime } from '#base';
import { Lease, Node, Pod, type V1Lease, type V1Node, type V1Pod } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, ownKey, type Controller, type ControllerContext } from '../controller.ts';
import { isPodReady, podCondition } from '../pods.ts';
import { Heartbeats, silentConditions } from './health.ts';
import { conditionStatus, notReadyTaint, sameTaints, unreachableTaint, wantedTaints } from './taints.ts';
import { Zones } from './zones.ts';

const leaseNamespace = 'kube-node-lease';
/** The key under which all nodes together are looked at; none has this name. */
const everyone = '';

/** Marks nodes that fell silent, and keeps their taints in step with their conditions. */
export const nodeLifecycleController: Controller = {
  name: 'node-lifecycle',
  component: 'node-controller',
  setup(context) {
    const { nodeMonitorGraceMs: grace = 40_000, nodeStartupGraceMs: startupGrace = 60_000 } = context.options;
    const heartbeats = new Heartbeats(grace, startupGrace);
    const zones = new Zones(context.options.zones);
    /** Nodes that this process knows, by uid. */
    const known = new Map<string, string>();
    /** Nodes whose Ready is Unknown. */
    const unknown = new Set<string>();
    /** Nodes whose pods may go, until the taint that says so is written. */
    const granted = new Set<string>();
    const nodes = context.watch(Node, (node, old) => {
      const name = (node ?? old)?.metadata?.name ?? '';
      if (node) hear(name, node);
      if (node && conditionStatus(node, 'Ready') === 'Unknown') unknown.add(name);
      else unknown.delete(name);
      // Whether the others may be emptied depends on how their zone is.
      if (zones.observe(name, node)) return [name, ...context.client.informer(Node).list().map(keyFor)];
      return node && old && isUneventful(node, old) ? [] : ownKey(node, old);
    });
    // A heartbeat is noted at once; only a node that counts as silent needs looking at.
    const leases = context.watch(Lease, (lease, old) => {
      const name = leaseNode(lease ?? old);
      const now = context.clock.now();
      if (name !== '' && heartbeats.renewed(name, lease, now)) context.enqueueAfter(everyone, heartbeats.next(now));
      return unknown.has(name) ? [name] : [];
    });
    const pods = context.informer(Pod);
    pods.addIndex('nodeName', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));

    function hear(name: string, node: V1Node): void {
      const now = context.clock.now();
      if (heartbeats.observe(name, node, context.client.informer(Lease).get(leaseNamespace, name), now)) context.enqueueAfter(everyone, heartbeats.next(now));
    }
    /** Looks for those that have been silent for too long. */
    function lookAround(): number | undefined {
      const now = context.clock.now();
      for (const name of heartbeats.overdue(now)) context.enqueue(name);
      const next = heartbeats.next(now);
      return Number.isFinite(next) ? next : undefined;
    }

    return async (name) => {
      if (name === everyone) return lookAround();
      const node = nodes.get(undefined, name);
      if (!node) return forget(name);
      register(node);
      const now = context.clock.now();
      heartbeats.observe(name, node, leases.get(leaseNamespace, name), now);
      const judged = heartbeats.left(name, now) <= 0 ? await markSilent(context, node) : node;
      if (conditionStatus(judged, 'Ready') !== 'True') await markPodsNotReady(context, pods.byIndex('nodeName', name));
      const turn = mayEvict(judged, now);
      const taints = wantedTaints(judged, turn === 0, now);
      if (!sameTaints(judged.spec?.taints ?? [], taints)) await context.api.update(Node, { ...judged, spec: { ...judged.spec, taints } });
      granted.delete(name);
      return turn ? turn : undefined;
    };

    /** How long until the pods of a node that is not ready may be evicted, ms; undefined = not as things are. */
    function mayEvict(node: V1Node, now: number): number | undefined {
      const name = node.metadata?.name ?? '';
      if (conditionStatus(node, 'Ready') === 'True') return 0;
      if (zones.allDisrupted) return undefined;
      if (granted.has(name) || isEvicting(node)) return 0;
      const turn = zones.take(node, now);
      // A write that fails does not cost the turn.
      if (turn === 0) granted.add(name);
      return turn;
    }
    function register({ metadata: { name = '', uid = '' } = {} }: V1Node): void {
      if (known.get(name) === uid) return;
      known.set(name, uid);
      tell(name, uid, 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
    }
    function forget(name: string): void {
      heartbeats.forget(name);
      granted.delete(name);
      const uid = known.get(name);
      if (!known.delete(name)) return;
      tell(name, uid ?? '', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
    }
    function tell(name: string, uid: string, reason: string, message: string): void {
      context.recorder.event({ apiVersion: 'v1', kind: 'Node', metadata: { name, uid } }, 'Normal', reason, message);
    }
  },
};

/** A heartbeat of a node that is as well as before: nothing follows from it. */
function isUneventful(node: V1Node, old: V1Node): boolean {
  if (node.spec !== old.spec || node.metadata?.uid !== old.metadata?.uid || conditionStatus(node, 'Ready') !== 'True') return false;
  const [now, before] = [node.status?.conditions ?? [], old.status?.conditions ?? []];
  return now.length === before.length && now.every((c, i) => c.type === before[i]?.type && c.status === before[i]?.status);
}
const isEvicting = (node: V1Node): boolean =>
  (node.spec?.taints ?? []).some((t) => t.effect === 'NoExecute' && (t.key === notReadyTaint || t.key === unreachableTaint));
const leaseNode = (lease: V1Lease | undefined): string => (lease?.metadata?.namespace === leaseNamespace ? (lease.metadata.name ?? '') : '');

async function markSilent(context: ControllerContext, node: V1Node): Promise<V1Node> {
  const conditions = silentConditions(node, context.clock.now());
  if (JSON.stringify(conditions) === JSON.stringify(node.status?.conditions ?? [])) return node;
  const written = await context.api.update(Node, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
  if (conditionStatus(node, 'Ready') === 'True')
    context.recorder.event(node, 'Normal', 'NodeNotReady', `Node ${node.metadata?.name ?? ''} status is now: NodeNotReady`);
  return written;
}

async function markPodsNotReady(context: ControllerContext, pods: readonly V1Pod[]): Promise<void> {
  await Promise.all(pods.filter(isPodReady).map((pod) => markPodNotReady(context, pod)));
}
async function markPodNotReady(context: ControllerContext, pod: V1Pod): Promise<void> {
  const ready = podCondition(pod, 'Ready');
  if (!ready) return;
  const { reason: _reason, message: _message, ...rest } = ready;
  const conditions = (pod.status?.conditions ?? []).map((c) =>
    c === ready ? { ...rest, status: 'False', lastTransitionTime: formatTime(context.clock.now()) } : c,
  );
  context.recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  try {
    await context.api.update(Pod, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

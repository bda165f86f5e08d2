/** The columns of `kubectl get pods`, as printed by pkg/printers/internalversion of Kubernetes. */
import { humanDuration, type Column } from '#machinery';
import type { V1ContainerState, V1ContainerStatus, V1Pod } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';

export interface PodSummary {
  ready: number;
  total: number;
  status: string;
  restarts: number;
  /** ms since the epoch; undefined when nothing restarted. */
  lastRestart: number | undefined;
}

const conditionTrue = (pod: V1Pod, type: string): boolean => pod.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;

function exitText(terminated: NonNullable<V1ContainerState['terminated']>): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

class Restarts {
  count = 0;
  last: number | undefined;
  add(status: V1ContainerStatus): void {
    this.count += status.restartCount ?? 0;
    const finished = status.lastState?.terminated?.finishedAt;
    if (finished === undefined) return;
    const at = Date.parse(finished);
    if (this.last === undefined || at > this.last) this.last = at;
  }
}

interface InitPart {
  /** The text when the pod still initializes. */
  status: string | undefined;
  ready: number;
  all: Restarts;
  sidecars: Restarts;
}

function summarizeInit(pod: V1Pod): InitPart {
  const sidecars = new Set(pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const part: InitPart = { status: undefined, ready: 0, all: new Restarts(), sidecars: new Restarts() };
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [i, container] of statuses.entries()) {
    const sidecar = sidecars.has(container.name);
    part.all.add(container);
    if (sidecar) part.sidecars.add(container);
    const { terminated, waiting } = container.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) part.ready++;
      continue;
    }
    if (terminated) part.status = `Init:${exitText(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') part.status = `Init:${waiting.reason}`;
    else part.status = `Init:${i}/${pod.spec?.initContainers?.length ?? 0}`;
    break;
  }
  return part;
}

/** READY, STATUS and RESTARTS of a pod. */
export function summarizePod(pod: V1Pod): PodSummary {
  const sidecars = pod.spec?.initContainers?.filter((c) => c.restartPolicy === 'Always').length ?? 0;
  const total = (pod.spec?.containers?.length ?? 0) + sidecars;
  const phase = pod.status?.phase ?? '';
  let status = pod.status?.reason || phase;
  if (pod.status?.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated')) status = 'SchedulingGated';
  const init = summarizeInit(pod);
  let { ready } = init;
  let restarts = init.all;
  if (init.status !== undefined) status = init.status;
  if (init.status === undefined || conditionTrue(pod, 'Initialized')) {
    restarts = init.sidecars;
    let running = false;
    for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
      restarts.add(container);
      const { waiting, terminated } = container.state ?? {};
      if (waiting?.reason) status = waiting.reason;
      else if (terminated) status = exitText(terminated);
      else if (container.ready && container.state?.running) {
        running = true;
        ready++;
      }
    }
    if (status === 'Completed' && running) status = conditionTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  }
  if (pod.metadata?.deletionTimestamp !== undefined) {
    if (pod.status?.reason === 'NodeLost') status = 'Unknown';
    else if (phase !== 'Succeeded' && phase !== 'Failed') status = 'Terminating';
  }
  return { ready, total, status, restarts: restarts.count, lastRestart: restarts.last };
}

function restartsText(pod: V1Pod, now: number): string {
  const { restarts, lastRestart } = summarizePod(pod);
  return restarts === 0 || lastRestart === undefined ? String(restarts) : `${restarts} (${humanDuration(now - lastRestart)} ago)`;
}

function gatesText(pod: V1Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter((gate) => conditionTrue(pod, gate.conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column<V1Pod>[] = [
  nameColumn,
  column('Ready', 'string', 'The aggregate readiness state of this pod for accepting traffic.', (pod) => {
    const { ready, total } = summarizePod(pod);
    return `${ready}/${total}`;
  }),
  column('Status', 'string', 'The aggregate status of the containers in this pod.', (pod) => summarizePod(pod).status),
  column(
    'Restarts',
    'string',
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    restartsText,
  ),
  ageColumn,
  column(
    'IP',
    'string',
    'podIP address allocated to the pod. Empty if not yet allocated.',
    (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || '<none>',
    1,
  ),
  column('Node', 'string', 'NodeName indicates in which node this pod is scheduled.', (pod) => pod.spec?.nodeName || '<none>', 1),
  column(
    'Nominated Node',
    'string',
    'nominatedNodeName is set only when this pod preempts other pods on the node.',
    (pod) => pod.status?.nominatedNodeName || '<none>',
    1,
  ),
  column('Readiness Gates', 'string', 'If specified, all readiness gates will be evaluated for pod readiness.', gatesText, 1),
];

import { formatTime } from '#base';
import type { ContainerUsage, NodeUsage, PodUsage } from '#machinery';

/** What the kubelet's metrics pages say of a node, beside usage. */
export interface Machine {
  readonly nodeName: string;
  readonly cores: number;
  readonly memoryBytes: number;
}
type Line = readonly [labels: { readonly [name: string]: string }, value: number, time?: number | undefined];

const escaped = (text: string): string => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
function family(name: string, type: 'counter' | 'gauge', help: string, lines: readonly Line[]): string {
  if (lines.length === 0) return '';
  const rows = lines.map(([labels, value, time]) => {
    const all = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${all.length > 0 ? `{${all.join(',')}}` : ''} ${value}${time === undefined ? '' : ` ${time}`}`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${rows.join('\n')}\n`;
}
const sum = (pod: PodUsage, of: (one: ContainerUsage) => number): number => pod.containers.reduce((all, one) => all + of(one), 0);
const cpu = (one: { readonly cpuSeconds: number }): number => one.cpuSeconds;
const memory = (one: { readonly memoryBytes: number }): number => one.memoryBytes;

/** GET /metrics/resource: what metrics-server scrapes. */
export function resourcePage({ time, node, pods }: NodeUsage): string {
  const containers = (of: (one: ContainerUsage) => number, timed = true): Line[] =>
    pods.flatMap(({ namespace, name, containers: all }) =>
      all.map((one): Line => [{ container: one.name, namespace, pod: name }, of(one), timed ? time : undefined]),
    );
  const perPod = (of: (one: ContainerUsage) => number): Line[] =>
    pods.filter(({ containers: all }) => all.length > 0).map((pod) => [{ namespace: pod.namespace, pod: pod.name }, sum(pod, of), time]);
  return [
    family('container_cpu_usage_seconds_total', 'counter', '[STABLE] Cumulative cpu time consumed by the container in core-seconds', containers(cpu)),
    family('container_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the container in bytes', containers(memory)),
    family(
      'container_start_time_seconds',
      'gauge',
      '[STABLE] Start time of the container since unix epoch in seconds',
      containers(({ startedAt }) => startedAt / 1000, false),
    ),
    family('node_cpu_usage_seconds_total', 'counter', '[STABLE] Cumulative cpu time consumed by the node in core-seconds', [[{}, node.cpuSeconds, time]]),
    family('node_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the node in bytes', [[{}, node.memoryBytes, time]]),
    family('pod_cpu_usage_seconds_total', 'counter', '[STABLE] Cumulative cpu time consumed by the pod in core-seconds', perPod(cpu)),
    family('pod_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the pod in bytes', perPod(memory)),
    family('resource_scrape_error', 'gauge', '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise', [[{}, 0]]),
  ].join('');
}

/** GET /metrics/cadvisor: the part of cAdvisor's page that is measured here. */
export function cadvisorPage({ time, pods }: NodeUsage, machine: Machine): string {
  const containers = (of: (one: ContainerUsage) => number, more: { [name: string]: string } = {}): Line[] =>
    pods.flatMap(({ namespace, name, containers: all }) =>
      all.map((one): Line => [{ container: one.name, ...more, id: one.id, name: one.id, namespace, pod: name }, of(one), time]),
    );
  return [
    family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed in seconds.', containers(cpu, { cpu: 'total' })),
    family('container_memory_working_set_bytes', 'gauge', 'Current working set in bytes.', containers(memory)),
    family(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds.',
      containers(({ startedAt }) => startedAt / 1000),
    ),
    family('machine_cpu_cores', 'gauge', 'Number of logical CPU cores.', [[{}, machine.cores]]),
    family('machine_memory_bytes', 'gauge', 'Amount of memory installed on the machine.', [[{}, machine.memoryBytes]]),
  ].join('');
}

/** GET /metrics: what the agent counts of itself. */
export function agentPage(runningPods: number, runningContainers: number, nodeName: string): string {
  return [
    family('kubelet_node_name', 'gauge', "[ALPHA] The node's name. The count is always 1.", [[{ node: nodeName }, 1]]),
    family('kubelet_running_pods', 'gauge', '[BETA] Number of pods that have a running pod sandbox', [[{}, runningPods]]),
    family('kubelet_running_containers', 'gauge', '[BETA] Number of containers currently running', [[{ container_state: 'running' }, runningContainers]]),
  ].join('');
}

/** Core nanoseconds a second, between two measurements of the same counter. */
export type Rates = ReadonlyMap<string, number>;
const rateOf = (key: string, rates: Rates): { usageNanoCores?: number } => {
  const rate = rates.get(key);
  return rate === undefined ? {} : { usageNanoCores: Math.round(rate * 1e9) };
};
type Counted = { readonly cpuSeconds: number; readonly memoryBytes: number };

/** stats.v1alpha1 Summary: what is measured; nothing is made up where nothing is. */
export function summary({ time, node, pods }: NodeUsage, machine: Machine, rates: Rates): object {
  const at = formatTime(time);
  const stats = (key: string, { cpuSeconds, memoryBytes }: Counted): object => ({
    cpu: { time: at, ...rateOf(key, rates), usageCoreNanoSeconds: Math.round(cpuSeconds * 1e9) },
    memory: { time: at, workingSetBytes: memoryBytes },
  });
  return {
    node: {
      nodeName: machine.nodeName,
      startTime: formatTime(node.startedAt),
      cpu: { time: at, ...rateOf('', rates), usageCoreNanoSeconds: Math.round(node.cpuSeconds * 1e9) },
      memory: { time: at, availableBytes: Math.max(0, machine.memoryBytes - node.memoryBytes), workingSetBytes: node.memoryBytes },
    },
    pods: pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      ...(pod.containers[0] ? { startTime: formatTime(Math.min(...pod.containers.map(({ startedAt }) => startedAt))) } : {}),
      containers: pod.containers.map((one) => ({ name: one.name, startTime: formatTime(one.startedAt), ...stats(one.id, one) })),
      ...stats(pod.uid, { cpuSeconds: sum(pod, cpu), memoryBytes: sum(pod, memory) }),
    })),
  };
}

import { defineKind, dnsLabelProblems, type Kind } from '#machinery';
import type { V1Pod } from '../generated/types.ts';
import { podColumns } from './pod-columns.ts';
import { ephemeralContainers } from './pod-ephemeral.ts';
import { resize } from './pod-resize.ts';
import { defaultPodOnly, defaultPodSpec } from './pod-spec-defaults.ts';
import { validateNewPod } from './pod-spec-validation.ts';
import { podWarnings } from './pod-warnings.ts';
import { keepStatusFields, validatePodStatus } from './pod-status.ts';
import { validatePodUpdate } from './pod-update.ts';
import { qosClass } from './qos.ts';

function nameWarnings({ metadata }: V1Pod): string[] {
  const problems = metadata?.name ? dnsLabelProblems(metadata.name) : [];
  if (problems.length === 0) return [];
  return [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`];
}

function mirrorIPs(pod: V1Pod): void {
  const { status } = pod;
  if (!status) return;
  if (status.podIP && !status.podIPs?.length) status.podIPs = [{ ip: status.podIP }];
  if (!status.podIP && status.podIPs?.[0]) status.podIP = status.podIPs[0].ip;
  if (status.hostIP && !status.hostIPs?.length) status.hostIPs = [{ ip: status.hostIP }];
}

export const Pod: Kind<V1Pod> = defineKind<V1Pod>({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  namespaced: true,
  schema: 'V1Pod',
  status: true,
  subresources: [
    { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
    { name: 'binding', kind: 'Binding', verbs: ['create'] },
    { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
    { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
    { name: 'log', kind: 'Pod', verbs: ['get'] },
    { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
    { name: 'proxy', kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
  ],
  aspects: { ephemeralcontainers: ephemeralContainers, resize },
  columns: podColumns,
  selectableFields: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    // The name that it had once.
    'spec.host': (pod) => pod.spec?.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork ?? false),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? '',
    // May be asked for, and has no value, as in Kubernetes.
    'status.podIPs': () => '',
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
  defaults(pod) {
    mirrorIPs(pod);
    const spec = (pod.spec ??= { containers: [] });
    defaultPodSpec(spec);
    defaultPodOnly(spec);
  },
  prepareCreate(pod) {
    const spec = pod.spec!;
    pod.status = { phase: 'Pending', qosClass: qosClass(spec) };
    if ((spec.schedulingGates ?? []).length > 0) {
      pod.status.conditions = [
        { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
      ];
    }
  },
  prepareStatus: keepStatusFields,
  validate: (pod, old) => (old ? validatePodUpdate(pod, old) : validateNewPod(pod)),
  // Nobody updates pods by hand, and their parts are written often.
  warnings: (pod, old) => (old ? [] : [...nameWarnings(pod), ...podWarnings(pod.metadata, pod.spec, 'spec', 'metadata')]),
  validateStatus: validatePodStatus,
  gracePeriodSeconds(pod, requested) {
    const phase = pod.status?.phase;
    // Nothing runs that could use the time.
    if (!pod.spec?.nodeName || phase === 'Succeeded' || phase === 'Failed') return 0;
    // A negative period (once allowed in specs) means the shortest one.
    const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 30;
    return period < 0 ? 1 : period;
  },
});

import type { FlowcontrolV1Subject, V1FlowSchema, V1PolicyRulesWithSubjects, V1PriorityLevelConfiguration, V1ResourcePolicyRule } from '../generated/types.ts';

/** Whether the system keeps the spec of one of these objects as it is here. */
export const autoUpdateAnnotation = 'apf.kubernetes.io/autoupdate-spec';

/** Names of the objects that must exist and cannot be changed. */
export const mandatoryFlowControl: ReadonlySet<string> = new Set(['exempt', 'catch-all']);

const metadata = (name: string): NonNullable<V1FlowSchema['metadata']> => ({ name, annotations: { [autoUpdateAnnotation]: 'true' } });

function level(name: string, shares: number, lendablePercent: number, queues?: number, handSize = 6): V1PriorityLevelConfiguration {
  const limitResponse = queues === undefined ? { type: 'Reject' } : { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: 50 } };
  return {
    metadata: metadata(name),
    spec: { type: 'Limited', limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse } },
  };
}

/** The mandatory and the suggested priority levels of Kubernetes (API Priority and Fairness, Defaults). */
export const defaultPriorityLevels: readonly V1PriorityLevelConfiguration[] = [
  { metadata: metadata('exempt'), spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } } },
  level('catch-all', 5, 0),
  level('system', 30, 33, 64),
  level('node-high', 40, 25, 64),
  level('leader-election', 10, 0, 16, 4),
  level('workload-high', 40, 50, 128),
  level('workload-low', 100, 90, 128),
  level('global-default', 20, 50, 128),
];

const group = (...names: string[]): FlowcontrolV1Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const user = (...names: string[]): FlowcontrolV1Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const account = (...names: string[]): FlowcontrolV1Subject[] =>
  names.map((name) => ({ kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name } }));
const everyone = group('system:unauthenticated', 'system:authenticated');

const all: Omit<V1PolicyRulesWithSubjects, 'subjects'> = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};
const writes = (apiGroup: string, resources: string[], namespace = '*'): V1ResourcePolicyRule => ({
  verbs: ['get', 'create', 'update'],
  apiGroups: [apiGroup],
  resources,
  namespaces: [namespace],
});
const leases = writes('coordination.k8s.io', ['leases']);

function schema(
  name: string,
  priorityLevel: string,
  matchingPrecedence: number,
  distinguisher: 'ByUser' | 'ByNamespace' | undefined,
  subjects: FlowcontrolV1Subject[],
  rules: Omit<V1PolicyRulesWithSubjects, 'subjects'> = all,
): V1FlowSchema {
  return {
    metadata: metadata(name),
    spec: {
      priorityLevelConfiguration: { name: priorityLevel },
      matchingPrecedence,
      ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
      rules: [{ subjects, ...rules }],
    },
  };
}

/** The mandatory and the suggested flow schemas, in the order in which they are tried. */
export const defaultFlowSchemas: readonly V1FlowSchema[] = [
  schema('exempt', 'exempt', 1, undefined, group('system:masters')),
  schema('probes', 'exempt', 2, undefined, everyone, { nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] }),
  schema('system-leader-election', 'leader-election', 100, 'ByUser', [...user('system:kube-controller-manager', 'system:kube-scheduler'), ...account('*')], {
    resourceRules: [writes('', ['endpoints', 'configmaps'], 'kube-system'), leases],
  }),
  schema(
    'endpoint-controller',
    'workload-high',
    150,
    'ByUser',
    [...user('system:kube-controller-manager'), ...account('endpoint-controller', 'endpointslicemirroring-controller')],
    { resourceRules: [writes('', ['endpoints'])] },
  ),
  schema('workload-leader-election', 'leader-election', 200, 'ByUser', account('*'), {
    resourceRules: [writes('', ['endpoints', 'configmaps']), leases],
  }),
  schema('system-node-high', 'node-high', 400, 'ByUser', group('system:nodes'), {
    resourceRules: [
      { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], namespaces: ['*'], clusterScope: true },
      { verbs: ['*'], apiGroups: ['coordination.k8s.io'], resources: ['leases'], namespaces: ['*'] },
    ],
  }),
  schema('system-nodes', 'system', 500, 'ByUser', group('system:nodes')),
  schema('kube-controller-manager', 'workload-high', 800, 'ByNamespace', user('system:kube-controller-manager')),
  schema('kube-scheduler', 'workload-high', 800, 'ByNamespace', user('system:kube-scheduler')),
  schema('kube-system-service-accounts', 'workload-high', 900, 'ByNamespace', account('*')),
  schema('service-accounts', 'workload-low', 9000, 'ByUser', group('system:serviceaccounts')),
  schema('global-default', 'global-default', 9900, 'ByUser', everyone),
  schema('catch-all', 'catch-all', 10_000, 'ByUser', everyone),
];

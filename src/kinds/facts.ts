/**
 * What the generated field types do not say: list types and keys, merge keys, atomic maps and structs,
 * scalar pointers. Source: the x-kubernetes-* extensions of the OpenAPI of Kubernetes 1.36. A list
 * without an entry is atomic. Read by strategic merge patch, server-side apply and OpenAPI.
 */
import type { Facts, FieldFacts } from '#machinery';

/** A list keyed by `keys` whose strategic merge key is the first of them. */
const merged = (...keys: string[]): FieldFacts => ({ listType: 'map', listMapKeys: keys, patchStrategy: 'merge', patchMergeKey: keys[0]! });
/** Keyed for server-side apply; strategic merge patch replaces it. */
const keyed = (...keys: string[]): FieldFacts => ({ listType: 'map', listMapKeys: keys });
const retained = (key: string): FieldFacts => ({ listType: 'map', listMapKeys: [key], patchStrategy: 'merge,retainKeys', patchMergeKey: key });
const set: FieldFacts = { listType: 'set' };
const mergedSet: FieldFacts = { listType: 'set', patchStrategy: 'merge' };
/** Atomic for server-side apply although strategic merge patch merges it. */
const atomicMerged = (key: string): FieldFacts => ({ listType: 'atomic', patchStrategy: 'merge', patchMergeKey: key });
const atomicMap: FieldFacts = { mapType: 'atomic' };
const retainKeys: FieldFacts = { patchStrategy: 'retainKeys' };
const pointer: FieldFacts = { pointer: true };

const containerFields = (type: string): { [field: string]: FieldFacts } => ({
  [`${type}.env`]: merged('name'),
  [`${type}.ports`]: merged('containerPort', 'protocol'),
  [`${type}.volumeDevices`]: merged('devicePath'),
  [`${type}.volumeMounts`]: merged('mountPath'),
});

const conditionOwners = [
  'V1PodStatus',
  'V1NodeStatus',
  'V1NamespaceStatus',
  'V1ServiceStatus',
  'V1DeploymentStatus',
  'V1ReplicaSetStatus',
  'V1DaemonSetStatus',
  'V1StatefulSetStatus',
  'V1ReplicationControllerStatus',
  'V1PersistentVolumeClaimStatus',
  'V1PodDisruptionBudgetStatus',
  'V2HorizontalPodAutoscalerStatus',
  'V1FlowSchemaStatus',
  'V1PriorityLevelConfigurationStatus',
  'V1APIServiceStatus',
];
const keyedConditionOwners = [
  'V1CertificateSigningRequestStatus',
  'V1CustomResourceDefinitionStatus',
  'V1ValidatingAdmissionPolicyStatus',
  'V1ServiceCIDRStatus',
];

export const facts: Facts = {
  atomicTypes: [
    'V1LabelSelector',
    'V1OwnerReference',
    'V1NodeSelector',
    'V1NodeSelectorTerm',
    'V1ObjectFieldSelector',
    'V1ResourceFieldSelector',
    'V1ConfigMapKeySelector',
    'V1SecretKeySelector',
    'V1FileKeySelector',
    'V1LocalObjectReference',
    'V1ObjectReference',
    'V1SecretReference',
    'V1TypedLocalObjectReference',
    'V1ScopeSelector',
    'V1ScopedResourceSelectorRequirement',
    'V1TopologySelectorTerm',
    'V1EndpointAddress',
    'CoreV1EndpointPort',
    'DiscoveryV1EndpointPort',
    'V1CrossVersionObjectReference',
    'V1RoleRef',
    'RbacV1Subject',
    'V1ServiceBackendPort',
  ],
  fields: {
    'V1ObjectMeta.finalizers': mergedSet,
    'V1ObjectMeta.ownerReferences': merged('uid'),
    ...containerFields('V1Container'),
    ...containerFields('V1EphemeralContainer'),
    'V1ResourceRequirements.claims': keyed('name'),
    'V1PodSpec.containers': merged('name'),
    'V1PodSpec.initContainers': merged('name'),
    'V1PodSpec.ephemeralContainers': merged('name'),
    'V1PodSpec.hostAliases': merged('ip'),
    'V1PodSpec.imagePullSecrets': merged('name'),
    'V1PodSpec.nodeSelector': atomicMap,
    'V1PodSpec.resourceClaims': retained('name'),
    'V1PodSpec.schedulingGates': merged('name'),
    'V1PodSpec.topologySpreadConstraints': merged('topologyKey', 'whenUnsatisfiable'),
    'V1PodSpec.volumes': retained('name'),
    'V1PodSpec.runtimeClassName': pointer,
    'V1PodSpec.hostnameOverride': pointer,
    'V1PodStatus.hostIPs': atomicMerged('ip'),
    'V1PodStatus.podIPs': merged('ip'),
    'V1PodStatus.resourceClaimStatuses': retained('name'),
    'V1ContainerStatus.allocatedResourcesStatus': merged('name'),
    'V1ContainerStatus.volumeMounts': merged('mountPath'),
    'V1ServiceSpec.ports': { listType: 'map', listMapKeys: ['port', 'protocol'], patchStrategy: 'merge', patchMergeKey: 'port' },
    'V1ServiceSpec.selector': atomicMap,
    'V1ReplicationControllerSpec.selector': atomicMap,
    'V1ContainerPort.protocol': { default: 'TCP' },
    'V1ServicePort.protocol': { default: 'TCP' },
    'V1HostPathVolumeSource.type': pointer,
    'V1GRPCAction.service': pointer,
    'V1NodeSpec.podCIDRs': mergedSet,
    'V1NodeStatus.addresses': merged('type'),
    'V1ServiceAccount.secrets': merged('name'),
    'V1Endpoint.addresses': set,
    'V1Endpoint.hostname': pointer,
    'V1Endpoint.nodeName': pointer,
    'V1Endpoint.zone': pointer,
    'DiscoveryV1EndpointPort.name': pointer,
    'DiscoveryV1EndpointPort.appProtocol': pointer,
    'V1LeaseSpec.holderIdentity': pointer,
    'V1LeaseSpec.preferredHolder': pointer,
    'V1DeploymentSpec.strategy': retainKeys,
    'V1PodDisruptionBudgetSpec.selector': { patchStrategy: 'replace' },
    'V1PersistentVolumeClaimSpec.storageClassName': pointer,
    'V1PersistentVolumeClaimSpec.volumeAttributesClassName': pointer,
    'V1PersistentVolumeSpec.volumeAttributesClassName': pointer,
    'V1TypedLocalObjectReference.apiGroup': pointer,
    'V1TypedObjectReference.apiGroup': pointer,
    'V1IngressSpec.ingressClassName': pointer,
    'V1JobStatus.conditions': atomicMerged('type'),
    'V1PodFailurePolicyOnExitCodesRequirement.values': set,
    'V1UncountedTerminatedPods.failed': set,
    'V1UncountedTerminatedPods.succeeded': set,
    'V1CSINodeSpec.drivers': merged('name'),
    'V1CSIDriverSpec.volumeLifecycleModes': set,
    'V1MutatingWebhookConfiguration.webhooks': merged('name'),
    'V1ValidatingWebhookConfiguration.webhooks': merged('name'),
    'V1MutatingWebhook.matchConditions': merged('name'),
    'V1ValidatingWebhook.matchConditions': merged('name'),
    ...Object.fromEntries(conditionOwners.map((owner) => [`${owner}.conditions`, merged('type')])),
    ...Object.fromEntries(keyedConditionOwners.map((owner) => [`${owner}.conditions`, keyed('type')])),
  },
};

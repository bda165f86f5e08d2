/**
 * kinds: one file per kind of the API (its columns, defaults, validation and rules) and the generated
 * types they are made of. Knows machinery; knows no server, store, client or controller.
 */
import type { Kind } from '#machinery';
import { ControllerRevision } from './apps/controllerrevision.ts';
import { DaemonSet } from './apps/daemonset.ts';
import { Deployment } from './apps/deployment.ts';
import { ReplicaSet } from './apps/replicaset.ts';
import { StatefulSet } from './apps/statefulset.ts';
import { HorizontalPodAutoscaler } from './autoscaling/horizontalpodautoscaler.ts';
import { HorizontalPodAutoscalerV1 } from './autoscaling/horizontalpodautoscaler-v1.ts';
import { awsKinds } from './aws/index.ts';
import { NodeGroup } from './batuta/nodegroup.ts';
import { Stage } from './batuta/stage.ts';
import { CronJob } from './batch/cronjob.ts';
import { Job } from './batch/job.ts';
import { Lease } from './coordination/lease.ts';
import { ConfigMap } from './core/configmap.ts';
import { Endpoints } from './core/endpoints.ts';
import { Event } from './core/event.ts';
import { Namespace } from './core/namespace.ts';
import { Node } from './core/node.ts';
import { Pod } from './core/pod.ts';
import { PodTemplate } from './core/podtemplate.ts';
import { ReplicationController } from './core/replicationcontroller.ts';
import { Secret } from './core/secret.ts';
import { Service } from './core/service.ts';
import { ServiceAccount } from './core/serviceaccount.ts';
import { EndpointSlice } from './discovery/endpointslice.ts';
import { EventsEvent } from './events/event.ts';
import { Ingress } from './networking/ingress.ts';
import { IngressClass } from './networking/ingressclass.ts';
import { IPAddress } from './networking/ipaddress.ts';
import { NetworkPolicy } from './networking/networkpolicy.ts';
import { ServiceCIDR } from './networking/servicecidr.ts';
import { DeviceClass } from './resource/deviceclass.ts';
import { ResourceClaim } from './resource/resourceclaim.ts';
import { ResourceClaimTemplate } from './resource/resourceclaimtemplate.ts';
import { ResourceSlice } from './resource/resourceslice.ts';
import { MutatingAdmissionPolicy } from './admissionregistration/mutatingadmissionpolicy.ts';
import { MutatingAdmissionPolicyBinding } from './admissionregistration/mutatingadmissionpolicybinding.ts';
import { MutatingWebhookConfiguration } from './admissionregistration/mutatingwebhookconfiguration.ts';
import { ValidatingAdmissionPolicy } from './admissionregistration/validatingadmissionpolicy.ts';
import { ValidatingAdmissionPolicyBinding } from './admissionregistration/validatingadmissionpolicybinding.ts';
import { ValidatingWebhookConfiguration } from './admissionregistration/validatingwebhookconfiguration.ts';
import { CustomResourceDefinition } from './apiextensions/customresourcedefinition.ts';
import { APIService } from './apiregistration/apiservice.ts';
import { CertificateSigningRequest } from './certificates/certificatesigningrequest.ts';
import { FlowSchema } from './flowcontrol/flowschema.ts';
import { PriorityLevelConfiguration } from './flowcontrol/prioritylevelconfiguration.ts';
import { ClusterRole } from './rbac/clusterrole.ts';
import { ClusterRoleBinding } from './rbac/clusterrolebinding.ts';
import { Role } from './rbac/role.ts';
import { RoleBinding } from './rbac/rolebinding.ts';
import { CSIDriver } from './storage/csidriver.ts';
import { CSINode } from './storage/csinode.ts';
import { CSIStorageCapacity } from './storage/csistoragecapacity.ts';
import { StorageClass } from './storage/storageclass.ts';
import { VolumeAttachment } from './storage/volumeattachment.ts';
import { VolumeAttributesClass } from './storage/volumeattributesclass.ts';
import { StorageVersionMigration } from './storagemigration/storageversionmigration.ts';
import { ComponentStatus } from './core/componentstatus.ts';
import { LimitRange } from './core/limitrange.ts';
import { PersistentVolume } from './core/persistentvolume.ts';
import { PersistentVolumeClaim } from './core/persistentvolumeclaim.ts';
import { ResourceQuota } from './core/resourcequota.ts';
import { RuntimeClass } from './node/runtimeclass.ts';
import { PodDisruptionBudget } from './policy/poddisruptionbudget.ts';
import { PriorityClass } from './scheduling/priorityclass.ts';

export type * from './generated/types.ts';
/** client-node calls it CoreV1Event, because events.k8s.io has one too. */
export type { CoreV1Event as V1Event } from './generated/types.ts';
export { loadProtobuf } from './generated/protobuf.ts';
export { autoUpdateAnnotation, defaultFlowSchemas, defaultPriorityLevels, mandatoryFlowControl } from './flowcontrol/defaults.ts';
export { migrationIs } from './storagemigration/storageversionmigration.ts';
export * from './aws/index.ts';
export { claimNameOf, claimNamesOf, podClaimAnnotation } from './resource/claim-names.ts';
export { nodeGroupLabel, removeFirstAnnotation, type NodeGroupSpec } from './batuta/nodegroup.ts';
export {
  allocatableOfTemplate,
  archOfTemplate,
  capacityOf,
  defaultZones,
  labelsOfTemplate,
  nodeOfTemplate,
  type NodeTemplate,
} from './batuta/node-template.ts';
export { instanceTypes, type InstanceType } from './batuta/instance-types.ts';
export { schemas, loadDescriptions } from './schemas.ts';
export { facts } from './facts.ts';
export { requiredNodes, termMatcher, type NodeMatcher, type SelectedNode } from './support/node-matching.ts';
export { tolerated, tolerates } from './support/tolerations.ts';
export { isReady } from './support/readiness.ts';
export {
  betaStorageProvisioner,
  bindCompleted,
  boundByController,
  defaultStorageClass,
  findVolume,
  hasAnnotation,
  hasStorageClass,
  isBoundTo,
  isClaimBound,
  isUsableOn,
  localPathProvisioner,
  misfit,
  noProvisioner,
  provisionedBy,
  sameVolumeMode,
  selectedNode,
  storageClassOf,
  storageProvisioner,
} from './storage/binding.ts';
export { qosClass } from './core/qos.ts';
export { summarizePod, type PodSummary } from './core/pod-columns.ts';
export { parseCron, type CronInterval, type CronSchedule } from './support/cron.ts';
export { countIndexes, parseIndexes, type Interval } from './support/indexes.ts';
export { initialNamespaces } from './core/namespace.ts';
export { systemPriorityClasses } from './scheduling/priorityclass.ts';
export {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Job,
  PodDisruptionBudget,
  PodTemplate,
  PriorityClass,
  ReplicationController,
  RuntimeClass,
  StatefulSet,
};
export { NodeGroup };
export { Stage };
export type { StageDelay, StageNext, StageSelector } from './batuta/stage.ts';
export { ConfigMap, Deployment, Endpoints, EndpointSlice, Event, Lease, Namespace, Node, Pod, ReplicaSet, Secret, Service, ServiceAccount };
export {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  CustomResourceDefinition,
  APIService,
  CertificateSigningRequest,
  FlowSchema,
  PriorityLevelConfiguration,
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
  StorageVersionMigration,
  ComponentStatus,
  LimitRange,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceQuota,
  EventsEvent,
  Ingress,
  IngressClass,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
};

/** `Kind` is contravariant in its object type, so a list of them can only be handed on, not called with a wrong object. */
const anyKind = (kind: unknown): Kind => kind as Kind;

/** Every kind that is served; a test asserts that no file under src/kinds is left out. */
export const allKinds: readonly Kind[] = [
  Namespace,
  Node,
  Pod,
  ConfigMap,
  Secret,
  Service,
  Endpoints,
  ServiceAccount,
  Event,
  EndpointSlice,
  Lease,
  Deployment,
  ReplicaSet,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  CustomResourceDefinition,
  APIService,
  CertificateSigningRequest,
  FlowSchema,
  PriorityLevelConfiguration,
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
  ComponentStatus,
  LimitRange,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceQuota,
  EventsEvent,
  Ingress,
  IngressClass,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
  StatefulSet,
  DaemonSet,
  ControllerRevision,
  ReplicationController,
  PodTemplate,
  Job,
  CronJob,
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerV1,
  PodDisruptionBudget,
  PriorityClass,
  RuntimeClass,
  StorageVersionMigration,
  NodeGroup,
  Stage,
  ...awsKinds,
].map(anyKind);

/**
 * controllers: level-triggered reconcilers that make the world of objects consistent, one file (or folder)
 * each. Knows client, kinds, machinery and base; knows no API server, store, scheduler or node agent, and
 * no controller knows another: they meet as objects.
 */
import type { Controller } from './controller.ts';
import { horizontalPodAutoscalerController } from './autoscaling/horizontal.ts';
import { clusterAutoscalerController } from './cluster-autoscaler/cluster-autoscaler.ts';
import { certificateApprovingController } from './certificates/approving.ts';
import { certificateCleaningController } from './certificates/cleaning.ts';
import { certificateSigningController } from './certificates/signing.ts';
import { cronJobController } from './cronjob/cronjob.ts';
import { daemonSetController } from './daemonset/daemonset.ts';
import { deploymentController } from './deployment/deployment.ts';
import { autoRollbackController } from './deployment/rollback/auto-rollback.ts';
import { disruptionController } from './disruption/disruption.ts';
import { endpointsController } from './endpoints/endpoints.ts';
import { endpointSliceController } from './endpoints/endpointslice.ts';
import { endpointSliceMirroringController } from './endpoints/mirroring.ts';
import { flowControlController } from './flowcontrol.ts';
import { garbageCollector } from './gc/garbage-collector.ts';
import { jobController } from './job/job.ts';
import { jobOrphanController } from './job/orphans.ts';
import { ttlAfterFinishedController } from './job/ttl.ts';
import { runControllers, type ManagerDeps, type RunningControllers } from './manager.ts';
import { namespaceController } from './namespace.ts';
import { nodeIpamController } from './nodes/ipam.ts';
import { nodeLifecycleController } from './nodes/node-lifecycle.ts';
import { podGcController } from './nodes/pod-gc.ts';
import { taintEvictionController } from './nodes/taint-eviction.ts';
import { claimProtectionController } from './protection/claims.ts';
import { attributesClassProtectionController, volumeProtectionController } from './protection/volumes.ts';
import { clusterRoleAggregationController } from './rbac/aggregation.ts';
import { deviceTaintEvictionController } from './resourceclaim/device-taints.ts';
import { resourceClaimController } from './resourceclaim/resourceclaim.ts';
import { replicaSetController } from './replicaset/replicaset.ts';
import { replicationController } from './replicaset/replication-controller.ts';
import { statefulSetController } from './statefulset/statefulset.ts';
import { rootCaController } from './root-ca.ts';
import { serviceAddressController } from './services/ip-addresses.ts';
import { serviceCidrController } from './services/service-cidrs.ts';
import { storageVersionMigratorController } from './storage-version-migrator.ts';
import { bootstrapSignerController, bootstrapTokenCleanerController } from './tokens/bootstrap.ts';
import { legacyTokenCleanerController } from './tokens/legacy.ts';
import { serviceAccountTokenController } from './serviceaccount-tokens.ts';
import { serviceAccountController } from './serviceaccount.ts';
import { attachDetachController } from './volumes/attachments.ts';
import { volumeBinderController } from './volumes/binder.ts';
import { ephemeralVolumeController } from './volumes/ephemeral.ts';
import { volumeExpandController } from './volumes/expand.ts';

export const controllers: readonly Controller[] = [
  namespaceController,
  serviceAccountController,
  rootCaController,
  deploymentController,
  autoRollbackController,
  replicaSetController,
  replicationController,
  jobController,
  jobOrphanController,
  ttlAfterFinishedController,
  resourceClaimController,
  deviceTaintEvictionController,
  cronJobController,
  statefulSetController,
  daemonSetController,
  endpointSliceController,
  endpointSliceMirroringController,
  endpointsController,
  garbageCollector,
  disruptionController,
  nodeLifecycleController,
  nodeIpamController,
  taintEvictionController,
  podGcController,
  claimProtectionController,
  volumeProtectionController,
  volumeBinderController,
  ephemeralVolumeController,
  volumeExpandController,
  attachDetachController,
  attributesClassProtectionController,
  serviceCidrController,
  serviceAddressController,
  clusterRoleAggregationController,
  serviceAccountTokenController,
  legacyTokenCleanerController,
  bootstrapTokenCleanerController,
  bootstrapSignerController,
  certificateApprovingController,
  certificateSigningController,
  certificateCleaningController,
  flowControlController,
  storageVersionMigratorController,
  horizontalPodAutoscalerController,
  clusterAutoscalerController,
];

/** Starts all controllers, or those that are given. Errors of a reconcile are logged and retried; nothing here rejects. */
export function startControllers(deps: Omit<ManagerDeps, 'controllers'> & { controllers?: readonly Controller[] }): RunningControllers {
  return runControllers({ ...deps, controllers: deps.controllers ?? controllers });
}

export type { ClusterAutoscalerOptions, Placement } from './cluster-autoscaler/types.ts';
export type { AutoscalerOptions, CertificateAuthority, Controller, ControllerContext, ControllerOptions, Reconcile, ZoneOptions } from './controller.ts';
export type { ManagerDeps, RunningControllers } from './manager.ts';

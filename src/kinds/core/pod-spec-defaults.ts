/** Defaults of pod specs and pod templates (pkg/apis/core/v1/defaults.go of Kubernetes 1.36). */
import type {
  V1Container,
  V1EnvVar,
  V1EphemeralContainer,
  V1HTTPGetAction,
  V1ObjectFieldSelector,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Probe,
  V1ResourceFieldSelector,
  V1Volume,
} from '../generated/types.ts';
import { defaultPodLevel } from './pod-level.ts';

const defaultMode = 0o644;

/** Always for `latest`, also implied; IfNotPresent for any other tag or a digest. */
export function defaultPullPolicy(image: string): 'Always' | 'IfNotPresent' {
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  const [nameAndTag = '', digest] = lastPart.split('@');
  const tag = nameAndTag.includes(':') ? nameAndTag.slice(nameAndTag.indexOf(':') + 1) : undefined;
  if (tag === undefined) return digest === undefined ? 'Always' : 'IfNotPresent';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function defaultHttpGet(action: V1HTTPGetAction | undefined): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

function defaultProbe(probe: V1Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultFieldRef(ref: V1ObjectFieldSelector | undefined): void {
  if (ref) ref.apiVersion ||= 'v1';
}
function defaultResourceRef(ref: V1ResourceFieldSelector | undefined): void {
  if (ref) ref.divisor ??= '0';
}

function defaultEnv(env: V1EnvVar): void {
  defaultFieldRef(env.valueFrom?.fieldRef);
  defaultResourceRef(env.valueFrom?.resourceFieldRef);
  if (env.valueFrom?.fileKeyRef) env.valueFrom.fileKeyRef.optional ??= false;
}

function defaultContainer(container: V1Container | V1EphemeralContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  container.env?.forEach(defaultEnv);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHttpGet(container.lifecycle?.postStart?.httpGet);
  defaultHttpGet(container.lifecycle?.preStop?.httpGet);
}

/** Sorts of volumes that few clusters have left. */
function defaultLegacyVolume({ rbd, azureDisk, scaleIO }: V1Volume): void {
  if (rbd) {
    rbd.pool ||= 'rbd';
    rbd.user ||= 'admin';
    rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (azureDisk) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO) {
    scaleIO.storageMode ||= 'ThinProvisioned';
    scaleIO.fsType ||= 'xfs';
  }
}

function defaultVolume(volume: V1Volume): void {
  if (Object.keys(volume).length <= 1) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= defaultMode;
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim) (claim.spec ??= {}).volumeMode ||= 'Filesystem';
  defaultLegacyVolume(volume);
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? '');
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= defaultMode;
    for (const item of volume.downwardAPI.items ?? []) {
      defaultFieldRef(item.fieldRef);
      defaultResourceRef(item.resourceFieldRef);
    }
  }
  if (!volume.projected) return;
  volume.projected.defaultMode ??= defaultMode;
  for (const source of volume.projected.sources ?? []) {
    if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    for (const item of source.downwardAPI?.items ?? []) {
      defaultFieldRef(item.fieldRef);
      defaultResourceRef(item.resourceFieldRef);
    }
  }
}

export function defaultPodSpec(spec: V1PodSpec): void {
  // Required, and left out all the same by some; validation then has a list to find empty.
  spec.containers ??= [];
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // Two names of one field: the older one is kept in step.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  for (const role of ['initContainers', 'containers', 'ephemeralContainers'] as const) spec[role]?.forEach(defaultContainer);
  spec.volumes?.forEach(defaultVolume);
}

export function defaultPodTemplate(template: V1PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

/** What only pods themselves get: requests from limits, of the pod from its containers, and ports of a shared network. */
export function defaultPodOnly(spec: V1PodSpec): void {
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
  for (const { resources, ports } of containers) {
    if (resources?.limits) resources.requests = { ...resources.limits, ...resources.requests };
    if (spec.hostNetwork) for (const port of ports ?? []) port.hostPort ||= port.containerPort;
  }
  defaultPodLevel(spec);
  spec.enableServiceLinks ??= true;
}

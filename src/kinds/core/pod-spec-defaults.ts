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

function defaultContainer(container: V1Container | V1EphemeralContainer, hostNetwork: boolean): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? '');
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  for (const port of container.ports ?? []) {
    port.protocol ||= 'TCP';
    if (hostNetwork) port.hostPort ||= port.containerPort;
  }
  container.env?.forEach(defaultEnv);
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHttpGet(container.lifecycle?.postStart?.httpGet);
  defaultHttpGet(container.lifecycle?.preStop?.httpGet);
}

function defaultVolume(volume: V1Volume): void {
  if (Object.keys(volume).length <= 1) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= defaultMode;
  if (volume.configMap) volume.configMap.defaultMode ??= defaultMode;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.ephemeral?.volumeClaimTemplate) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ||= 'Filesystem';
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
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  // Two names of one field: the older one is kept in step.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  const hostNetwork = spec.hostNetwork === true;
  for (const container of spec.initContainers ?? []) defaultContainer(container, hostNetwork);
  for (const container of spec.containers ?? []) defaultContainer(container, hostNetwork);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container, false);
  spec.volumes?.forEach(defaultVolume);
}

export function defaultPodTemplate(template: V1PodTemplateSpec | undefined): void {
  if (template?.spec) defaultPodSpec(template.spec);
}

/** Only for pods themselves: requests take the value of limits that have no request. */
export function defaultPodRequests(spec: V1PodSpec): void {
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const { limits } = container.resources ?? {};
    if (!limits) continue;
    const requests = (container.resources!.requests ??= {});
    for (const name in limits) requests[name] ??= limits[name]!;
  }
}

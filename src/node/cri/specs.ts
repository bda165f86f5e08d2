import type { ContainerSpec, SandboxSpec, SecurityProfile } from '../runtime.ts';
import type { Message } from './messages.ts';

/** Marks sandboxes and containers with the node they belong to: several nodes share one containerd. */
export const nodeLabel = 'batuta.dev/node';

/** PodSandboxConfig. `cgroupRoot` is the parent of pods that name none. */
export function sandboxConfig(spec: SandboxSpec, node: string, cgroupRoot: string): Message {
  return {
    metadata: { name: spec.name, uid: spec.podUid, namespace: spec.namespace, attempt: spec.attempt },
    hostname: spec.hostNetwork ? '' : spec.hostname,
    log_directory: spec.logDirectory,
    dns_config: spec.dns,
    labels: { ...spec.labels, [nodeLabel]: node },
    annotations: spec.annotations,
    linux: {
      cgroup_parent: spec.cgroupParent || cgroupRoot,
      sysctls: spec.sysctls,
      security_context: {
        namespace_options: namespaces(spec),
        ...user(spec),
        privileged: spec.privileged,
        readonly_rootfs: true,
      },
    },
  };
}

/** ContainerConfig. */
export function containerConfig(spec: ContainerSpec, node: string): Message {
  return {
    metadata: { name: spec.name, attempt: spec.attempt },
    image: { image: spec.image },
    command: spec.command,
    args: spec.args,
    working_dir: spec.workingDir,
    envs: spec.env.map(({ name, value }) => ({ key: name, value })),
    mounts: spec.mounts.map((m) => ({ container_path: m.containerPath, host_path: m.hostPath, readonly: m.readOnly, propagation: propagation[m.propagation] })),
    devices: (spec.devices ?? []).map((d) => ({ container_path: d.containerPath, host_path: d.hostPath, permissions: d.readOnly ? 'r' : 'mrw' })),
    labels: { ...spec.labels, [nodeLabel]: node },
    annotations: spec.annotations,
    log_path: spec.logPath,
    stdin: spec.stdin,
    stdin_once: spec.stdinOnce,
    tty: spec.tty,
    linux: { resources: linuxResources(spec.resources), security_context: securityContext(spec) },
  };
}

const propagation = {
  private: 'PROPAGATION_PRIVATE',
  'host-to-container': 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

interface NamespaceChoice {
  hostNetwork: boolean;
  hostPID: boolean;
  hostIPC: boolean;
  shareProcessNamespace: boolean;
  processesOf?: string;
}
function namespaces(spec: NamespaceChoice): Message {
  return {
    network: spec.hostNetwork ? 'NODE' : 'POD',
    pid: spec.hostPID ? 'NODE' : spec.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec.hostIPC ? 'NODE' : 'POD',
    ...(spec.processesOf === undefined ? {} : { pid: 'TARGET', target_id: spec.processesOf }),
  };
}
/** CRI forbids a group without a user. */
function user(spec: { runAsUser?: number; runAsGroup?: number; runAsUserName?: string }): Message {
  const named =
    spec.runAsUser !== undefined ? { run_as_user: { value: spec.runAsUser } } : spec.runAsUserName ? { run_as_username: spec.runAsUserName } : undefined;
  if (!named) return {};
  return spec.runAsGroup === undefined ? named : { ...named, run_as_group: { value: spec.runAsGroup } };
}
/** LinuxContainerResources. */
export function linuxResources(r: ContainerSpec['resources']): Message {
  return {
    cpu_shares: r.cpuShares,
    cpu_quota: r.cpuQuotaUs,
    cpu_period: r.cpuPeriodUs,
    memory_limit_in_bytes: r.memoryLimitBytes,
    oom_score_adj: r.oomScoreAdj,
  };
}
function securityContext(spec: ContainerSpec): Message {
  return {
    privileged: spec.privileged,
    namespace_options: namespaces(spec),
    capabilities: { add_capabilities: spec.addCapabilities, drop_capabilities: spec.dropCapabilities },
    ...user(spec),
    supplemental_groups: spec.supplementalGroups,
    readonly_rootfs: spec.readOnlyRootFilesystem,
    no_new_privs: spec.noNewPrivileges,
    ...(spec.seccomp ? { seccomp: profile(spec.seccomp) } : {}),
    ...(spec.appArmor ? { apparmor: profile(spec.appArmor) } : {}),
  };
}
const profile = ({ type, localhostRef }: SecurityProfile): Message => ({ profile_type: type, localhost_ref: localhostRef });

/** What the caller gave: without our own label. */
export function givenLabels(labels: Record<string, string>): Record<string, string> {
  const { [nodeLabel]: _node, ...given } = labels;
  return given;
}

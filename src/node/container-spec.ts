import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { V1Container, V1Pod } from '#kinds';
import type { AgentContext } from './context.ts';
import { buildEnv, ConfigError, expand, type PodFacts } from './env.ts';
import { normalizeImage } from './images.ts';
import { containerHash, findContainer, namespaceOf, nameOf, specOf, uidOf } from './pod.ts';
import { containerResources } from './resources.ts';
import type { ContainerSpec, Device, ImageState, Mount, SecurityProfile } from './runtime.ts';
import { hostsFile } from './sandbox-spec.ts';
import { containerMounts } from './volumes/manager.ts';
import { VolumeError } from './volumes/plugin.ts';

export interface ContainerInputs {
  pod: V1Pod;
  container: V1Container;
  attempt: number;
  image: ImageState;
  facts: PodFacts;
  volumePaths: ReadonlyMap<string, string>;
}

export const logPath = (container: string, attempt: number): string => `${container}/${attempt}.log`;
/** The file that the container finds at terminationMessagePath. */
export const terminationFile = (podDir: string, container: string, attempt: number): string => join(podDir, 'containers', container, String(attempt));

/** Everything the runtime needs for one container. Rejects with ConfigError. */
export async function buildContainerSpec(context: AgentContext, inputs: ContainerInputs): Promise<ContainerSpec> {
  const { pod, container, attempt, image, facts } = inputs;
  const env = await buildEnv(pod, container, context.objects, facts, await kubernetesService(context));
  const value = (name: string): string | undefined => env.get(name);
  const spec = specOf(pod);
  const security = container.securityContext ?? {};
  return {
    name: container.name,
    attempt,
    image: normalizeImage(container.image ?? '') ?? '',
    command: (container.command ?? []).map((s) => expand(s, value)),
    args: (container.args ?? []).map((s) => expand(s, value)),
    workingDir: container.workingDir ?? '',
    env: [...env].map(([name, v]) => ({ name, value: v })),
    mounts: await mountsOf(context, inputs, value),
    devices: devicesOf(context, inputs),
    labels: {
      'io.kubernetes.container.name': container.name,
      'io.kubernetes.pod.name': nameOf(pod),
      'io.kubernetes.pod.namespace': namespaceOf(pod),
      'io.kubernetes.pod.uid': uidOf(pod),
    },
    annotations: {
      'io.kubernetes.container.hash': containerHash(container),
      'io.kubernetes.container.restartCount': String(attempt),
      'io.kubernetes.container.terminationMessagePath': container.terminationMessagePath ?? '/dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': container.terminationMessagePolicy ?? 'File',
    },
    logPath: logPath(container.name, attempt),
    stdin: container.stdin ?? false,
    stdinOnce: container.stdinOnce ?? false,
    tty: container.tty ?? false,
    resources: containerResources(pod, container, context.allocatable.memory),
    ...(findContainer(pod, container.name)?.type === 'init' ? { initial: true } : {}),
    privileged: security.privileged ?? false,
    addCapabilities: security.capabilities?.add ?? [],
    dropCapabilities: security.capabilities?.drop ?? [],
    ...userOf(pod, container, image),
    supplementalGroups: [
      ...(spec.securityContext?.supplementalGroups ?? []),
      ...(spec.securityContext?.fsGroup === undefined ? [] : [spec.securityContext.fsGroup]),
    ],
    readOnlyRootFilesystem: security.readOnlyRootFilesystem ?? false,
    noNewPrivileges: security.allowPrivilegeEscalation === false,
    ...profilesOf(pod, container),
    hostPID: spec.hostPID ?? false,
    hostIPC: spec.hostIPC ?? false,
    hostNetwork: spec.hostNetwork ?? false,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
  };
}

async function kubernetesService(context: AgentContext): Promise<{ host: string; port: number } | undefined> {
  if (context.kubernetesService) return context.kubernetesService;
  const found = (await context.objects.services('default')).find((s) => s.metadata?.name === 'kubernetes')?.spec;
  const port = found?.ports?.[0]?.port;
  return found?.clusterIP && port !== undefined ? { host: found.clusterIP, port } : undefined;
}

/** The user to run as, and kubelet's check of runAsNonRoot. */
function userOf(pod: V1Pod, container: V1Container, image: ImageState): Pick<ContainerSpec, 'runAsUser' | 'runAsGroup' | 'runAsUserName'> {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  if (own.runAsNonRoot ?? shared.runAsNonRoot) {
    const where = `(pod: "${nameOf(pod)}_${namespaceOf(pod)}(${uidOf(pod)})", container: ${container.name})`;
    if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
    if (user === undefined && image.uid === undefined && image.username)
      throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`);
    if (user === undefined && (image.uid ?? 0) === 0) throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
  const runAs = user ?? image.uid;
  return {
    ...(runAs === undefined ? (image.username ? { runAsUserName: image.username } : {}) : { runAsUser: runAs }),
    ...(group === undefined ? {} : { runAsGroup: group }),
  };
}

/** Where Localhost seccomp profiles are looked for, as every kubelet does by default. */
const seccompRoot = '/var/lib/kubelet/seccomp';

function profilesOf(pod: V1Pod, container: V1Container): Pick<ContainerSpec, 'seccomp' | 'appArmor'> {
  const seccomp = container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  const appArmor = container.securityContext?.appArmorProfile ?? pod.spec?.securityContext?.appArmorProfile;
  const as = (type: string, localhostRef: string): SecurityProfile => {
    if (type !== 'RuntimeDefault' && type !== 'Unconfined' && type !== 'Localhost') throw new ConfigError(`unknown security profile type "${type}"`);
    return { type, localhostRef: type === 'Localhost' ? localhostRef : '' };
  };
  return {
    ...(seccomp ? { seccomp: as(seccomp.type, join(seccompRoot, seccomp.localhostProfile ?? '')) } : {}),
    ...(appArmor ? { appArmor: as(appArmor.type, appArmor.localhostProfile ?? '') } : {}),
  };
}

/** The block devices of volumes with volumeMode Block. */
function devicesOf(context: AgentContext, { pod, container, volumePaths }: ContainerInputs): Device[] {
  const readOnly = context.volumes?.readOnly(pod);
  return (container.volumeDevices ?? []).flatMap(({ name, devicePath }) => {
    const hostPath = volumePaths.get(name);
    return hostPath === undefined ? [] : [{ containerPath: devicePath, hostPath, readOnly: readOnly?.has(name) === true }];
  });
}

async function mountsOf(context: AgentContext, inputs: ContainerInputs, value: (name: string) => string | undefined): Promise<Mount[]> {
  if (!context.volumes) return [];
  const { pod, container } = inputs;
  const dir = context.volumes.podDir(uidOf(pod));
  let mounts: Mount[];
  try {
    mounts = await containerMounts(container.volumeMounts ?? [], inputs.volumePaths, (text) => expand(text, value), context.volumes.readOnly(pod));
  } catch (error) {
    if (error instanceof VolumeError) throw new ConfigError(error.message);
    throw error;
  }
  const taken = new Set(mounts.map((m) => m.containerPath));
  if (!taken.has('/etc/hosts')) mounts.push({ containerPath: '/etc/hosts', hostPath: join(dir, 'etc-hosts'), readOnly: false, propagation: 'private' });
  const termination = container.terminationMessagePath ?? '/dev/termination-log';
  const file = terminationFile(dir, container.name, inputs.attempt);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, '');
  await chmod(file, 0o666);
  mounts.push({ containerPath: termination, hostPath: file, readOnly: false, propagation: 'private' });
  return mounts;
}

export async function writeHostsFile(context: AgentContext, pod: V1Pod, ips: readonly string[]): Promise<void> {
  if (!context.volumes) return;
  const dir = context.volumes.podDir(uidOf(pod));
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'etc-hosts'), hostsFile(pod, ips, context.clusterDomain, context.hostsFile), { mode: 0o644 });
}

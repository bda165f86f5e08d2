/** The Baseline level of the Pod Security Standards, control by control (kubernetes.io: Pod Security Standards). */
import { allContainers, named, namesOf, plural, quoted, setters, unique, unlessOwnUsers } from './support.ts';
import type { Check, CheckPod, Container, SeLinuxOptions } from './types.ts';

export const validProfile = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';
const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';

const appArmor: CheckPod = (spec, { annotations = {} }) => {
  const pod = spec.securityContext?.appArmorProfile;
  const podIsBad = pod !== undefined && !validProfile(pod.type);
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.appArmorProfile && !validProfile(c.appArmorProfile.type));
  const noted = Object.entries(annotations)
    .filter(([key, value]) => key.startsWith(appArmorPrefix) && value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .toSorted();
  const who = [setters(podIsBad, namesOf(bad)), noted.length > 0 ? plural('annotation', noted) : undefined].filter((one) => one !== undefined);
  if (who.length === 0) return undefined;
  const types = [...(podIsBad ? [pod.type ?? ''] : []), ...bad.map(({ securityContext: c }) => c?.appArmorProfile?.type ?? '')];
  const values = [...unique(types), ...noted];
  return { reason: plural('forbidden AppArmor profile', values), detail: `${who.join(' and ')} must not set AppArmor profile type to ${quoted(values)}` };
};

const defaultCapabilities = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
);
const capabilities: CheckPod = (spec) => {
  const beyond = ({ securityContext: c }: Container): string[] => (c?.capabilities?.add ?? []).filter((name) => !defaultCapabilities.has(name));
  const bad = allContainers(spec).filter((container) => beyond(container).length > 0);
  if (bad.length === 0) return undefined;
  return {
    reason: 'non-default capabilities',
    detail: `${named('container', namesOf(bad))} must not include ${quoted(unique(bad.flatMap(beyond)))} in securityContext.capabilities.add`,
  };
};

const hostNamespaces: CheckPod = (spec) => {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field]).map((field) => `${field}=true`);
  return shared.length > 0 ? { reason: 'host namespaces', detail: shared.join(', ') } : undefined;
};

const hostPaths: CheckPod = ({ volumes = [] }) => {
  const bad = volumes.filter((volume) => volume['hostPath']).map(({ name }) => name);
  return bad.length > 0 ? { reason: 'hostPath volumes', detail: named('volume', bad) } : undefined;
};

const hostPorts: CheckPod = (spec) => {
  const taken = ({ ports = [] }: Container): string[] => ports.flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []));
  const bad = allContainers(spec).filter((container) => taken(container).length > 0);
  const all = unique(bad.flatMap(taken));
  if (bad.length === 0) return undefined;
  const uses = bad.length === 1 ? 'uses' : 'use';
  return { reason: 'hostPort', detail: `${named('container', namesOf(bad))} ${uses} ${plural('hostPort', all)} ${all.join(', ')}` };
};

const hostsOfProbes: CheckPod = (spec) => {
  const hosts = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Container): string[] =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
      .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
      .filter((host): host is string => host !== undefined && host !== '');
  const bad = allContainers(spec).filter((container) => hosts(container).length > 0);
  const all = unique(bad.flatMap(hosts));
  const names = unique(namesOf(bad));
  if (bad.length === 0) return undefined;
  const uses = names.length === 1 ? 'uses' : 'use';
  return { reason: 'probe or lifecycle host', detail: `${named('container', names)} ${uses} ${plural('probe or lifecycle host', all)} ${quoted(all)}` };
};

const privileged: CheckPod = (spec) => {
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.privileged);
  return bad.length > 0 ? { reason: 'privileged', detail: `${named('container', namesOf(bad))} must not set securityContext.privileged=true` } : undefined;
};

export const procMount: CheckPod = (spec) => {
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.procMount !== undefined && c.procMount !== 'Default');
  if (bad.length === 0) return undefined;
  const types = unique(bad.map(({ securityContext: c }) => c?.procMount ?? ''));
  return { reason: 'procMount', detail: `${named('container', namesOf(bad))} must not set securityContext.procMount to ${quoted(types)}` };
};

function seLinux(types: readonly string[]): CheckPod {
  const wrong = (options: SeLinuxOptions | undefined): boolean =>
    options !== undefined && (!types.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
  return (spec) => {
    const pod = spec.securityContext?.seLinuxOptions;
    const bad = allContainers(spec).filter(({ securityContext: c }) => wrong(c?.seLinuxOptions));
    const who = setters(wrong(pod), namesOf(bad));
    if (!who) return undefined;
    const all = [...(wrong(pod) ? [pod] : []), ...bad.map(({ securityContext: c }) => c?.seLinuxOptions)];
    const badTypes = unique(all.map((options) => options?.type ?? '').filter((type) => !types.includes(type)));
    const data = [
      ...(badTypes.length > 0 ? [named('type', badTypes)] : []),
      ...(all.some((options) => options?.user) ? ['user may not be set'] : []),
      ...(all.some((options) => options?.role) ? ['role may not be set'] : []),
    ];
    return { reason: 'seLinuxOptions', detail: `${who} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}` };
  };
}

const seccompAnnotations: CheckPod = (spec, { annotations = {} }) => {
  const keys = [seccompPod, ...namesOf(allContainers(spec)).map((name) => seccompPrefix + name)];
  const fine = (value: string): boolean => value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');
  const bad = unique(
    keys.filter((key) => annotations[key] !== undefined && !fine(annotations[key])).map((key) => `${key}=${JSON.stringify(annotations[key])}`),
  );
  return bad.length > 0 ? { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', bad)} ${bad.join(', ')}` } : undefined;
};
/** Profiles that are set must be fine ones. */
export const seccompProfiles: CheckPod = (spec) => {
  const pod = spec.securityContext?.seccompProfile;
  const podIsBad = pod !== undefined && !validProfile(pod.type);
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.seccompProfile && !validProfile(c.seccompProfile.type));
  const who = setters(podIsBad, namesOf(bad));
  if (!who) return undefined;
  const types = unique([...(podIsBad ? [pod.type ?? ''] : []), ...bad.map(({ securityContext: c }) => c?.seccompProfile?.type ?? '')]);
  return { reason: 'seccompProfile', detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}` };
};

const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const safeSince27 = [...safeSysctls, 'net.ipv4.ip_local_reserved_ports'];
const keepAlive = ['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes'];
const safeSince29 = [...safeSince27, ...keepAlive];
const safeSince32 = [...safeSince29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];
function sysctls(safe: readonly string[]): CheckPod {
  return ({ securityContext }) => {
    const bad = (securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !safe.includes(name));
    return bad.length > 0 ? { reason: 'forbidden sysctls', detail: bad.join(', ') } : undefined;
  };
}

const windowsHostProcess: CheckPod = (spec) => {
  const bad = allContainers(spec).filter(({ securityContext: c }) => c?.windowsOptions?.hostProcess);
  const who = setters(spec.securityContext?.windowsOptions?.hostProcess === true, namesOf(bad));
  return who ? { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` } : undefined;
};

const seLinuxTypes = ['', 'container_t', 'container_init_t', 'container_kvm_t'];

export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', since: [[0, appArmor]] },
  { id: 'capabilities_baseline', since: [[0, capabilities]] },
  { id: 'hostNamespaces', since: [[0, hostNamespaces]] },
  { id: 'hostPathVolumes', since: [[0, hostPaths]] },
  { id: 'hostPorts', since: [[0, hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', since: [[34, hostsOfProbes]] },
  { id: 'privileged', since: [[0, privileged]] },
  {
    id: 'procMount',
    since: [
      [0, procMount],
      [35, unlessOwnUsers(procMount)],
    ],
  },
  {
    id: 'seLinuxOptions',
    since: [
      [0, seLinux(seLinuxTypes)],
      [31, seLinux([...seLinuxTypes, 'container_engine_t'])],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    since: [
      [0, seccompAnnotations],
      [19, seccompProfiles],
    ],
  },
  {
    id: 'sysctls',
    since: [
      [0, sysctls(safeSysctls)],
      [27, sysctls(safeSince27)],
      [29, sysctls(safeSince29)],
      [32, sysctls(safeSince32)],
    ],
  },
  { id: 'windowsHostProcess', since: [[0, windowsHostProcess]] },
];

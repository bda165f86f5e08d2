import type { V1Pod, V1PodSpec } from '#kinds';
import type { AgentContext } from './context.ts';
import { namespaceOf, nameOf, specOf, uidOf } from './pod.ts';
import type { SandboxSpec } from './runtime.ts';
import { sysctlName } from './sysctls.ts';

/** Directory of a pod's logs below the node's log root. */
export const podLogDirectory = (pod: V1Pod): string => `${namespaceOf(pod)}_${nameOf(pod)}_${uidOf(pod)}`;

export function buildSandboxSpec(context: AgentContext, pod: V1Pod, attempt: number, cgroupParent: string): SandboxSpec {
  const spec = specOf(pod);
  const security = spec.securityContext ?? {};
  refuseUnknown(spec);
  return {
    podUid: uidOf(pod),
    namespace: namespaceOf(pod),
    name: nameOf(pod),
    attempt,
    hostname: spec.hostNetwork ? context.hostname : podHostname(pod, context.clusterDomain),
    labels: {
      ...pod.metadata?.labels,
      'io.kubernetes.pod.name': nameOf(pod),
      'io.kubernetes.pod.namespace': namespaceOf(pod),
      'io.kubernetes.pod.uid': uidOf(pod),
    },
    annotations: { ...pod.metadata?.annotations },
    logDirectory: `${context.logDir}/${podLogDirectory(pod)}`,
    cgroupParent,
    dns: dnsOf(pod, context),
    hostNetwork: spec.hostNetwork ?? false,
    hostPID: spec.hostPID ?? false,
    hostIPC: spec.hostIPC ?? false,
    shareProcessNamespace: spec.shareProcessNamespace ?? false,
    sysctls: Object.fromEntries((security.sysctls ?? []).map((s) => [sysctlName(s.name), s.value])),
    ...(security.runAsUser === undefined ? {} : { runAsUser: security.runAsUser }),
    ...(security.runAsGroup === undefined || security.runAsUser === undefined ? {} : { runAsGroup: security.runAsGroup }),
    privileged: [...(spec.initContainers ?? []), ...spec.containers].some((c) => c.securityContext?.privileged),
  };
}

/** What would weaken the pod when left out is an error. */
function refuseUnknown(spec: V1PodSpec): void {
  if (spec.hostUsers === false) throw new Error('user namespaces (hostUsers: false) are not supported on this node');
}

/** The kernel's host name: at most 63 characters; the whole FQDN, or any name, when the pod wants it so. */
export function podHostname(pod: V1Pod, clusterDomain: string): string {
  if (pod.spec?.hostnameOverride) return pod.spec.hostnameOverride;
  const short = shortHostname(pod);
  const fqdn = podFqdn(pod, clusterDomain);
  return pod.spec?.setHostnameAsFQDN && fqdn ? fqdn : short;
}
export const shortHostname = (pod: V1Pod): string => (pod.spec?.hostname || nameOf(pod)).slice(0, 63).replace(/[-.]+$/, '');
export function podFqdn(pod: V1Pod, clusterDomain: string): string | undefined {
  return pod.spec?.subdomain ? `${shortHostname(pod)}.${pod.spec.subdomain}.${namespaceOf(pod)}.svc.${clusterDomain}` : undefined;
}

/** resolv.conf by dnsPolicy and dnsConfig (kubelet's dns.Configurer). */
export function dnsOf(pod: V1Pod, context: Pick<AgentContext, 'clusterDNS' | 'clusterDomain' | 'hostResolv'>): SandboxSpec['dns'] {
  const spec = specOf(pod);
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  const cluster = context.clusterDNS !== '' && (policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec.hostNetwork));
  const domain = context.clusterDomain;
  const host = context.hostResolv;
  const base =
    policy === 'None'
      ? { servers: [], searches: [], options: [] }
      : cluster
        ? { servers: [context.clusterDNS], searches: [`${namespaceOf(pod)}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches], options: ['ndots:5'] }
        : host;
  const own = spec.dnsConfig ?? {};
  const names = new Set((own.options ?? []).map((o) => o.name));
  return {
    servers: unique([...base.servers, ...(own.nameservers ?? [])]).slice(0, 3),
    searches: unique([...base.searches, ...(own.searches ?? [])]).slice(0, 32),
    options: [
      ...base.options.filter((o) => !names.has(o.split(':')[0])),
      ...(own.options ?? []).map((o) => (o.value ? `${o.name}:${o.value}` : (o.name ?? ''))),
    ],
  };
}
const unique = (list: string[]): string[] => [...new Set(list)];

export function parseResolvConf(text: string): SandboxSpec['dns'] {
  const dns: SandboxSpec['dns'] = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [word, ...rest] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && rest[0]) dns.servers.push(rest[0]);
    if (word === 'search') dns.searches = rest;
    if (word === 'options') dns.options = rest;
  }
  return dns;
}

/** The managed /etc/hosts of a pod. */
export function hostsFile(pod: V1Pod, ips: readonly string[], clusterDomain: string, hostContent: string): string {
  const lines: string[] = [];
  if (pod.spec?.hostNetwork) lines.push('# Kubernetes-managed hosts file (host network).', hostContent.trimEnd());
  else {
    lines.push(
      '# Kubernetes-managed hosts file.',
      '127.0.0.1\tlocalhost',
      '::1\tlocalhost ip6-localhost ip6-loopback',
      'fe00::0\tip6-localnet',
      'fe00::0\tip6-mcastprefix',
      'fe00::1\tip6-allnodes',
      'fe00::2\tip6-allrouters',
    );
    const fqdn = podFqdn(pod, clusterDomain);
    for (const ip of ips) lines.push(`${ip}\t${fqdn ? `${fqdn}\t` : ''}${shortHostname(pod)}`);
  }
  const aliases = pod.spec?.hostAliases ?? [];
  if (aliases.length > 0) lines.push('', '# Entries added by HostAliases.', ...aliases.map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}`));
  return lines.join('\n') + '\n';
}

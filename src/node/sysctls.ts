/** Which kernel parameters a pod may set on a node that allows no others by name. (kubelet's sysctl allowlist; the safe ones are those of the Pod Security Standards.) */
import type { V1Pod } from '#kinds';
import type { Refusal } from './admission.ts';

const safe: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** With dots between its parts. Where a slash comes first the two are swapped: `net/ipv4/conf/eth0.1/mtu` has a dot in a part. */
export function sysctlName(name: string): string {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replaceAll(/[./]/g, (c) => (c === '/' ? '.' : '/')) : name;
}

/** Why the node does not take the pod; undefined when it asks for safe ones only. */
export function forbiddenSysctl({ spec }: V1Pod): Refusal | undefined {
  for (const { name: given } of spec?.securityContext?.sysctls ?? []) {
    const name = sysctlName(given);
    const why = !safe.has(name)
      ? 'not allowlisted'
      : spec?.hostNetwork && name.startsWith('net.')
        ? 'not allowed with host net enabled'
        : spec?.hostIPC && name.startsWith('kernel.shm')
          ? 'not allowed with host ipc enabled'
          : undefined;
    if (why) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" ${why}` };
  }
  return undefined;
}

import type { V1Pod } from '#kinds';
import { protocolOf, validPort } from '../endpoints.ts';
import { isIPv4 } from '../ip.ts';
import { addElement, emptyUnit, type TableSettings, type Unit } from './unit.ts';

/** True when a pod has host ports to program: its own network, an address, and not finished. */
export function hasHostPorts(pod: V1Pod): boolean {
  if (pod.spec?.hostNetwork === true || !isIPv4(pod.status?.podIP ?? '')) return false;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return false;
  return portsOf(pod).length > 0;
}

/** Sidecars (init containers that stay) may have host ports too. */
function portsOf(pod: V1Pod): { hostIP?: string; hostPort?: number; containerPort: number; protocol?: string }[] {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')];
  return containers.flatMap((c) => c.ports ?? []).filter((p) => validPort(p.hostPort) && validPort(p.containerPort));
}

/**
 * containerPort.hostPort → pod. Without hostIP the port answers on the pod's own node IP and on the other host
 * addresses (127.0.0.1); nodes share one host, so there the first pod by name wins.
 */
export function hostPortUnit(pod: V1Pod, settings: TableSettings): Unit {
  const unit = emptyUnit();
  const ip = pod.status?.podIP ?? '';
  if (!hasHostPorts(pod)) return unit;
  const node = settings.nodes.find((n) => n.name === pod.spec?.nodeName);
  for (const port of portsOf(pod)) {
    const proto = protocolOf(port.protocol);
    if (!proto) continue;
    const wanted = port.hostIP ?? '';
    const anywhere = wanted === '' || wanted === '0.0.0.0' || wanted === '::';
    const addresses = anywhere ? [...(node ? [node.ip] : []), ...settings.hostAddresses] : isIPv4(wanted) ? [wanted] : [];
    for (const address of addresses) {
      addElement(unit, 'host-ports', `${address} . ${proto} . ${port.hostPort}`, `${ip} . ${port.containerPort}`);
      if (address.startsWith('127.')) unit.localhost.add(ip);
    }
    if (proto === 'udp') unit.udp.add(ip);
    addElement(unit, 'hairpin', `${ip} . ${ip}`);
  }
  return unit;
}

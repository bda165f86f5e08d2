import type { Informer } from '#client';
import { Node, Pod, Service, type V1Container, type V1Pod, type V1Service, type V1ServicePort } from '#kinds';
import { keyFor, ownKey, type ControllerContext } from '../controller.ts';
import { indexByLabel, isPodReady, isPodTerminal, isTerminating } from '../pods.ts';

export interface ServiceMembers {
  services: Informer<V1Service>;
  /** Pods that the service selects and that have an address and a living node. */
  podsOf: (service: V1Service) => V1Pod[];
  zoneOf: (pod: V1Pod) => string | undefined;
}

/** Follows services, and of pods and nodes what changes the endpoints of a service. Keys are those of services. */
export function watchMembers(context: ControllerContext): ServiceMembers {
  const services = context.watch(Service, ownKey);
  // Replayed changes of nodes ask for it at once.
  context.informer(Pod).addIndex('nodeName', (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));
  const pods = context.watch(Pod, (pod, old) => (pod && old && !matters(pod, old) ? [] : [...new Set([...selecting(pod), ...selecting(old)])]));
  const nodes = context.watch(Node, (node, old) => {
    if (node && old && zone(node.metadata?.labels) === zone(old.metadata?.labels)) return [];
    return [...new Set(pods.byIndex('nodeName', (node ?? old)?.metadata?.name ?? '').flatMap(selecting))];
  });
  const byLabel = indexByLabel(pods);

  function selecting(pod: V1Pod | undefined): string[] {
    if (!pod?.metadata?.labels) return [];
    const labels = pod.metadata.labels;
    return services
      .list(pod.metadata.namespace)
      .filter((s) => selects(s, labels))
      .map(keyFor);
  }
  return {
    services,
    podsOf: (service) => byLabel(service.metadata?.namespace ?? '', service.spec?.selector ?? {}).filter((pod) => isMember(pod) && hasNode(pod, service)),
    zoneOf: (pod) => zone(nodes.get(undefined, pod.spec?.nodeName ?? '')?.metadata?.labels),
  };
  /** A pod whose node is gone cannot serve, whatever its last status says. */
  function hasNode(pod: V1Pod, service: V1Service): boolean {
    return service.spec?.publishNotReadyAddresses === true || (pod.spec?.nodeName !== undefined && nodes.get(undefined, pod.spec.nodeName) !== undefined);
  }
}

const zone = (labels: { [key: string]: string } | undefined): string | undefined => labels?.['topology.kubernetes.io/zone'];

function selects(service: V1Service, labels: { [key: string]: string }): boolean {
  const selector = service.spec?.selector;
  if (!selector) return false;
  let some = false;
  for (const key in selector) {
    if (labels[key] !== selector[key]) return false;
    some = true;
  }
  return some;
}
/** Services without a selector are somebody else's work. */
export const isSelecting = (service: V1Service): boolean => service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
export const isHeadless = (service: V1Service): boolean => service.spec?.clusterIP === 'None';

function isMember(pod: V1Pod): boolean {
  return !isPodTerminal(pod) && ipsOf(pod).length > 0;
}
export function ipsOf(pod: V1Pod): string[] {
  const all = (pod.status?.podIPs ?? []).map((p) => p.ip).filter((ip) => ip !== '');
  return all.length > 0 ? all : pod.status?.podIP ? [pod.status.podIP] : [];
}

function matters(pod: V1Pod, old: V1Pod): boolean {
  return (
    isPodReady(pod) !== isPodReady(old) ||
    isTerminating(pod) !== isTerminating(old) ||
    isPodTerminal(pod) !== isPodTerminal(old) ||
    ipsOf(pod).join() !== ipsOf(old).join() ||
    pod.spec?.nodeName !== old.spec?.nodeName ||
    pod.spec?.hostname !== old.spec?.hostname ||
    JSON.stringify(pod.metadata?.labels) !== JSON.stringify(old.metadata?.labels)
  );
}

export interface ResolvedPort {
  name: string;
  port: number;
  protocol: string;
  appProtocol?: string;
}

/** The service's ports as this pod has them; a named port the pod does not have is left out. */
export function portsOf(service: V1Service, pod: V1Pod): ResolvedPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    return number === undefined
      ? []
      : [{ name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}) }];
  });
}
function targetPort(port: V1ServicePort, pod: V1Pod): number | undefined {
  const target = port.targetPort ?? port.port;
  if (typeof target === 'number') return target === 0 ? port.port : target;
  if (/^\d+$/.test(target)) return Number(target);
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  const ports = [...(pod.spec?.containers ?? []), ...sidecars].flatMap((c: V1Container) => c.ports ?? []);
  return ports.find((p) => p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))?.containerPort;
}

export function hostnameOf(pod: V1Pod, service: V1Service): { hostname?: string } {
  return pod.spec?.hostname && pod.spec.subdomain === service.metadata?.name ? { hostname: pod.spec.hostname } : {};
}
export function targetRefOf(pod: V1Pod): { kind: string; namespace: string; name: string; uid: string } {
  return { kind: 'Pod', namespace: pod.metadata?.namespace ?? '', name: pod.metadata?.name ?? '', uid: pod.metadata?.uid ?? '' };
}

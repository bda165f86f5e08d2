import type { Informer } from '#client';
import type { V1EndpointSlice, V1Pod, V1Service } from '#kinds';
import type { KubeObject } from '#machinery';

/** Something to scrape, and the objects that its metrics describe. */
export interface Target {
  readonly url: string;
  readonly namespace: string;
  pod: string;
  readonly services: Set<string>;
}
export interface TargetSources {
  readonly pods: Informer<V1Pod>;
  readonly services: Informer<V1Service>;
  readonly slices: Informer<V1EndpointSlice>;
  /** Nobody listens at the addresses of pods on such a node. */
  readonly simulated: (node: string) => boolean;
}

const prefix = 'prometheus.io/';
const annotation = ({ metadata }: KubeObject, what: string): string | undefined => metadata?.annotations?.[prefix + what];
const isScraped = (object: KubeObject): boolean => annotation(object, 'scrape') === 'true';
const index = 'scraped';

/** Lets annotated objects be found without looking at all. */
export function indexTargets({ pods, services, slices }: TargetSources): void {
  pods.addIndex(index, (pod) => (isScraped(pod) ? ['true'] : []));
  services.addIndex(index, (service) => (isScraped(service) ? ['true'] : []));
  slices.addIndex('service', (slice) => [`${slice.metadata?.namespace ?? ''}/${slice.metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`]);
}

/** Running pods and ready endpoints of Services that are annotated `prometheus.io/scrape: "true"`; each address once. */
export function targetsOf(sources: TargetSources): Map<string, Target> {
  const found = new Map<string, Target>();
  const add = (owner: KubeObject, address: string, port: number | undefined): Target | undefined => {
    const url = port === undefined ? undefined : urlOf(owner, address, port);
    if (url === undefined) return undefined;
    let target = found.get(url);
    if (!target) found.set(url, (target = { url, namespace: owner.metadata?.namespace ?? '', pod: '', services: new Set() }));
    return target;
  };
  for (const pod of sources.pods.byIndex(index, 'true')) {
    const { podIP, phase } = pod.status ?? {};
    if (phase !== 'Running' || !podIP || sources.simulated(pod.spec?.nodeName ?? '')) continue;
    const target = add(pod, podIP, portOf(pod) ?? pod.spec?.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort ?? 80);
    if (target) target.pod = pod.metadata?.name ?? '';
  }
  for (const service of sources.services.byIndex(index, 'true')) {
    const { namespace = '', name = '' } = service.metadata ?? {};
    for (const { endpoints = [], ports = [] } of sources.slices.byIndex('service', `${namespace}/${name}`)) {
      for (const { addresses, targetRef, nodeName = '', conditions } of endpoints) {
        if (conditions?.ready === false || sources.simulated(nodeName) || !addresses[0]) continue;
        const target = add(service, addresses[0], portOf(service) ?? ports?.[0]?.port);
        target?.services.add(name);
        if (target && targetRef?.kind === 'Pod') target.pod = targetRef.name ?? '';
      }
    }
  }
  return found;
}
function portOf(object: KubeObject): number | undefined {
  const port = Number(annotation(object, 'port') ?? Number.NaN);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}
function urlOf(object: KubeObject, address: string, port: number): string {
  const scheme = annotation(object, 'scheme') === 'https' ? 'https' : 'http';
  const path = annotation(object, 'path') || '/metrics';
  return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}${path.startsWith('/') ? path : `/${path}`}`;
}

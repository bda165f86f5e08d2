import type { Client, Subscription } from '#client';
import { EndpointSlice, Namespace, Service, type V1EndpointSlice, type V1Service } from '#kinds';
import { isIP } from 'node:net';
import { serviceOf } from '../rules.ts';
import type { EndpointRecord, PortRecord, ServiceRecord, Zone } from './zone.ts';

const index = 'network.service';

/** Keeps a zone equal to the caches. */
export function feedZone(client: Client, zone: Zone): { ready(): Promise<void>; close(): void } {
  const slices = client.informer(EndpointSlice);
  const services = client.informer(Service);
  const namespaces = client.informer(Namespace);
  slices.addIndex(index, (slice) => serviceOf(slice));
  const refreshEndpoints = (key: string): void => {
    const [namespace, name] = key.split('/');
    zone.setEndpoints(key, endpointRecords(slices.byIndex(index, key), services.get(namespace, name ?? '')));
  };
  const subscriptions: Subscription[] = [
    namespaces.onChange((now, old) => zone.setNamespace((now ?? old)?.metadata?.name ?? '', now !== undefined)),
    services.onChange((now, old) => {
      const key = `${(now ?? old)?.metadata?.namespace}/${(now ?? old)?.metadata?.name}`;
      zone.setService(key, now && serviceRecord(now));
      if (now?.spec?.publishNotReadyAddresses !== old?.spec?.publishNotReadyAddresses) refreshEndpoints(key);
    }),
    slices.onChange((now, old) => new Set([...serviceOf(now), ...serviceOf(old)]).forEach(refreshEndpoints)),
  ];
  return {
    ready: async () => void (await Promise.all([slices.ready(), services.ready(), namespaces.ready()])),
    close: () => subscriptions.forEach((s) => s.close()),
  };
}

export function serviceRecord(service: V1Service): ServiceRecord {
  const spec = service.spec;
  const addresses = [...new Set([spec?.clusterIP ?? '', ...(spec?.clusterIPs ?? [])])].filter((ip) => isIP(ip) !== 0);
  const external = spec?.type === 'ExternalName' ? (spec.externalName ?? '') : undefined;
  const ports = (spec?.ports ?? []).map((p) => portRecord(p.name, p.protocol, p.port));
  return {
    namespace: service.metadata?.namespace ?? '',
    name: service.metadata?.name ?? '',
    clusterIPs: external === undefined ? addresses : [],
    externalName: external,
    ports,
  };
}

function portRecord(name: string | undefined, protocol: string | undefined, port: number | undefined): PortRecord {
  return { name: (name ?? '').toLowerCase(), protocol: (protocol ?? 'TCP').toLowerCase(), port: port ?? 0 };
}

/** The ready addresses over all slices, each once. */
export function endpointRecords(slices: readonly V1EndpointSlice[], service: V1Service | undefined): EndpointRecord[] {
  const publishNotReady = service?.spec?.publishNotReadyAddresses === true;
  const found = new Map<string, EndpointRecord>();
  for (const slice of slices) {
    const ports = (slice.ports ?? []).map((p) => portRecord(p.name, p.protocol, p.port));
    for (const endpoint of slice.endpoints ?? []) {
      const ip = endpoint.addresses[0];
      if (ip === undefined || (!publishNotReady && endpoint.conditions?.ready === false)) continue;
      const before = found.get(ip);
      found.set(ip, { ip, hostname: endpoint.hostname ?? before?.hostname, ports: [...(before?.ports ?? []), ...ports] });
    }
  }
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : 1));
}

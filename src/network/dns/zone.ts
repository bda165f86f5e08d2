import { isIP } from 'node:net';

/** What DNS must know of a Service. */
export interface ServiceRecord {
  namespace: string;
  name: string;
  /** Both families; empty for headless and ExternalName services. */
  clusterIPs: readonly string[];
  /** The CNAME target of an ExternalName service. */
  externalName: string | undefined;
  ports: readonly PortRecord[];
}
export interface PortRecord {
  name: string;
  /** tcp, udp, sctp */
  protocol: string;
  /** 0 when the headless service names no ports. */
  port: number;
}
/** One ready address of a service. */
export interface EndpointRecord {
  ip: string;
  /** Pod hostname of a StatefulSet or of spec.hostname + spec.subdomain. */
  hostname: string | undefined;
  ports: readonly PortRecord[];
}

/** The label under which an endpoint has its own name. */
export function endpointLabel(endpoint: EndpointRecord): string {
  return endpoint.hostname ?? endpoint.ip.replace(/[.:]/g, '-');
}
export function isHeadless(service: ServiceRecord): boolean {
  return service.clusterIPs.length === 0 && service.externalName === undefined;
}

/** The index that names are answered from. */
export class Zone {
  readonly domain: string;
  readonly #namespaces = new Set<string>();
  readonly #services = new Map<string, ServiceRecord>();
  readonly #endpoints = new Map<string, readonly EndpointRecord[]>();
  readonly #byClusterIP = new Map<string, ServiceRecord>();
  readonly #byEndpoint = new Map<string, Set<string>>();

  constructor(domain: string) {
    this.domain = domain.toLowerCase().replace(/\.$/, '');
  }
  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name);
  }
  service(namespace: string, name: string): ServiceRecord | undefined {
    return this.#services.get(`${namespace}/${name}`);
  }
  endpoints(namespace: string, name: string): readonly EndpointRecord[] {
    return this.#endpoints.get(`${namespace}/${name}`) ?? [];
  }
  serviceByIP(ip: string): ServiceRecord | undefined {
    return this.#byClusterIP.get(ip);
  }
  /** Services that have this address as an endpoint. */
  endpointsByIP(ip: string): { service: ServiceRecord; endpoint: EndpointRecord }[] {
    const out: { service: ServiceRecord; endpoint: EndpointRecord }[] = [];
    for (const key of this.#byEndpoint.get(ip) ?? []) {
      const service = this.#services.get(key);
      const endpoint = this.#endpoints.get(key)?.find((e) => e.ip === ip);
      if (service && endpoint) out.push({ service, endpoint });
    }
    return out;
  }

  setNamespace(name: string, exists: boolean): void {
    if (exists) this.#namespaces.add(name);
    else this.#namespaces.delete(name);
  }
  setService(key: string, service: ServiceRecord | undefined): void {
    const old = this.#services.get(key);
    for (const ip of old?.clusterIPs ?? []) if (this.#byClusterIP.get(ip) === old) this.#byClusterIP.delete(ip);
    if (!service) return void this.#services.delete(key);
    this.#services.set(key, service);
    for (const ip of service.clusterIPs) this.#byClusterIP.set(ip, service);
  }
  /** Replaces the ready endpoints of a service. */
  setEndpoints(key: string, endpoints: readonly EndpointRecord[]): void {
    for (const { ip } of this.#endpoints.get(key) ?? []) {
      const keys = this.#byEndpoint.get(ip);
      keys?.delete(key);
      if (keys?.size === 0) this.#byEndpoint.delete(ip);
    }
    const valid = endpoints.filter((e) => isIP(e.ip) !== 0);
    if (valid.length === 0) return void this.#endpoints.delete(key);
    this.#endpoints.set(key, valid);
    for (const { ip } of valid) {
      let keys = this.#byEndpoint.get(ip);
      if (!keys) this.#byEndpoint.set(ip, (keys = new Set()));
      keys.add(key);
    }
  }
}

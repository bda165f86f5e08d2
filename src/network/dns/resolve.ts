import { isIPv4, isIPv6 } from 'node:net';
import { endpointLabel, isHeadless, type EndpointRecord, type PortRecord, type ServiceRecord, type Zone } from './zone.ts';

export type RecordData =
  | { type: 'A' | 'AAAA' | 'CNAME' | 'PTR' | 'NS'; value: string }
  | { type: 'TXT'; value: string }
  | { type: 'SRV'; priority: number; weight: number; port: number; target: string }
  | { type: 'SOA'; mname: string; rname: string; serial: number; refresh: number; retry: number; expire: number; minimum: number };

export interface DnsRecord {
  name: string;
  ttl: number;
  data: RecordData;
}

export interface Answer {
  rcode: 'NOERROR' | 'NXDOMAIN';
  answers: DnsRecord[];
  authority: DnsRecord[];
  additional: DnsRecord[];
  /** A CNAME target outside the zone whose addresses are wanted too. */
  chase?: string;
}

/** Seconds. Services keep their address, so CoreDNS' default of kubeadm; endpoints come and go. */
export const ttls = { service: 30, endpoint: 5, negative: 5 };

/**
 * Answers a question about the cluster's own names as "DNS-Based Service Discovery" (kubernetes/dns
 * specification 1.1.0) asks, with `pods insecure` as kubeadm configures CoreDNS. Undefined when the name is
 * neither in the zone nor the reverse name of an address that `owns` (others go upstream).
 */
export function resolve(zone: Zone, name: string, type: string, owns: (ip: string) => boolean): Answer | undefined {
  const lower = name.toLowerCase().replace(/\.$/, '');
  const reverse = reverseAddress(lower);
  if (reverse !== undefined) return resolveReverse(zone, lower, reverse, type, owns);
  if (lower === zone.domain) return resolveApex(zone, type);
  if (!lower.endsWith(`.${zone.domain}`)) return undefined;
  const labels = lower.slice(0, -zone.domain.length - 1).split('.');
  const kind = labels.pop();
  if (kind === 'svc') return resolveService(zone, lower, labels, type);
  if (kind === 'pod') return resolvePod(zone, lower, labels, type);
  if (kind === 'dns-version' && labels.length === 0) {
    return type === 'TXT' ? found([{ name: lower, ttl: ttls.service, data: { type: 'TXT', value: '1.1.0' } }]) : noData(zone);
  }
  return noName(zone);
}

function found(answers: DnsRecord[], additional: DnsRecord[] = []): Answer {
  return { rcode: 'NOERROR', answers, authority: [], additional };
}
function soa(zone: Zone): DnsRecord {
  const data = {
    type: 'SOA' as const,
    mname: `ns.dns.${zone.domain}`,
    rname: `hostmaster.${zone.domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttls.negative,
  };
  return { name: zone.domain, ttl: ttls.negative, data };
}
function noData(zone: Zone): Answer {
  return { rcode: 'NOERROR', answers: [], authority: [soa(zone)], additional: [] };
}
function noName(zone: Zone): Answer {
  return { rcode: 'NXDOMAIN', answers: [], authority: [soa(zone)], additional: [] };
}
function orNoData(zone: Zone, answers: DnsRecord[]): Answer {
  return answers.length > 0 ? found(answers) : noData(zone);
}

function resolveApex(zone: Zone, type: string): Answer {
  if (type === 'SOA') return found([soa(zone)]);
  if (type === 'NS') return found([{ name: zone.domain, ttl: ttls.service, data: { type: 'NS', value: `ns.dns.${zone.domain}` } }]);
  return noData(zone);
}

/** [endpoint | _port, _protocol] service namespace */
function resolveService(zone: Zone, name: string, labels: readonly string[], type: string): Answer {
  const [namespace, serviceName, ...rest] = labels.toReversed();
  if (namespace === undefined) return noData(zone);
  if (serviceName === undefined) return zone.hasNamespace(namespace) ? noData(zone) : noName(zone);
  const service = zone.service(namespace, serviceName);
  if (!service) return noName(zone);
  if (service.externalName !== undefined) return rest.length === 0 ? resolveExternal(service.externalName, name) : noName(zone);
  if (rest.length === 0) return resolveWhole(zone, name, service, type);
  if (rest.length === 1) return resolveEndpoint(zone, name, service, rest[0] ?? '', type);
  if (rest.length === 2) return resolvePort(zone, name, service, rest[1] ?? '', rest[0] ?? '', type);
  return noName(zone);
}

function resolveExternal(target: string, name: string): Answer {
  const clean = target.toLowerCase().replace(/\.$/, '');
  return { ...found([{ name, ttl: ttls.service, data: { type: 'CNAME', value: clean } }]), chase: clean };
}

function resolveWhole(zone: Zone, name: string, service: ServiceRecord, type: string): Answer {
  const endpoints = zone.endpoints(service.namespace, service.name);
  if (isHeadless(service) && endpoints.length === 0) return noName(zone);
  if (type === 'SRV') return serviceRecords(zone, name, service, () => true);
  const addresses = isHeadless(service) ? endpoints.map((e) => e.ip) : service.clusterIPs;
  return orNoData(zone, addressRecords(name, addresses, type, isHeadless(service) ? ttls.endpoint : ttls.service));
}

function resolveEndpoint(zone: Zone, name: string, service: ServiceRecord, label: string, type: string): Answer {
  const matching = zone.endpoints(service.namespace, service.name).filter((e) => endpointLabel(e).toLowerCase() === label);
  if (matching.length === 0) return noName(zone);
  return orNoData(
    zone,
    addressRecords(
      name,
      matching.map((e) => e.ip),
      type,
      ttls.endpoint,
    ),
  );
}

function resolvePort(zone: Zone, name: string, service: ServiceRecord, port: string, protocol: string, type: string): Answer {
  if (!port.startsWith('_') || !protocol.startsWith('_')) return noName(zone);
  const answer = serviceRecords(zone, name, service, (p) => `_${p.name}` === port && `_${p.protocol}` === protocol);
  return type === 'SRV' || answer.answers.length === 0 ? answer : noData(zone);
}

/** SRV records of the ports that match, and the addresses of their targets. */
function serviceRecords(zone: Zone, name: string, service: ServiceRecord, wanted: (port: PortRecord) => boolean): Answer {
  const base = `${service.name}.${service.namespace}.svc.${zone.domain}`;
  const targets = isHeadless(service)
    ? zone.endpoints(service.namespace, service.name).map((e) => ({ target: `${endpointLabel(e).toLowerCase()}.${base}`, ips: [e.ip], ports: e.ports }))
    : [{ target: base, ips: service.clusterIPs, ports: service.ports }];
  const hits = targets.flatMap((t) => t.ports.filter((p) => p.port > 0 && wanted(p)).map((p) => ({ ...t, port: p.port })));
  if (hits.length === 0) return noName(zone);
  const ttl = isHeadless(service) ? ttls.endpoint : ttls.service;
  const weight = Math.max(1, Math.floor(100 / hits.length));
  const answers = hits.map((h): DnsRecord => ({ name, ttl, data: { type: 'SRV', priority: 0, weight, port: h.port, target: h.target } }));
  const extra = new Map(hits.map((h) => [h.target, h.ips]));
  const additional = [...extra].flatMap(([target, ips]) => [...addressRecords(target, ips, 'A', ttl), ...addressRecords(target, ips, 'AAAA', ttl)]);
  return found(answers, additional);
}

function addressRecords(name: string, addresses: readonly string[], type: string, ttl: number): DnsRecord[] {
  if (type === 'A' || type === 'ANY') return addresses.filter((ip) => isIPv4(ip)).map((value) => ({ name, ttl, data: { type: 'A', value } }));
  if (type === 'AAAA') return addresses.filter((ip) => isIPv6(ip)).map((value) => ({ name, ttl, data: { type: 'AAAA', value } }));
  return [];
}

/** 10-64-0-5.namespace.pod: the address is in the name. */
function resolvePod(zone: Zone, name: string, labels: readonly string[], type: string): Answer {
  const [namespace, address, ...rest] = labels.toReversed();
  if (namespace === undefined) return noData(zone);
  if (!zone.hasNamespace(namespace) || rest.length > 0) return noName(zone);
  if (address === undefined) return noData(zone);
  const v4 = address.replaceAll('-', '.');
  const v6 = address.replaceAll('-', ':');
  const ip = isIPv4(v4) ? v4 : isIPv6(v6) ? v6 : undefined;
  return ip === undefined ? noName(zone) : orNoData(zone, addressRecords(name, [ip], type, ttls.endpoint));
}

/** The address of an in-addr.arpa or ip6.arpa name. */
function reverseAddress(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    return isIPv4(ip) ? ip : undefined;
  }
  if (!name.endsWith('.ip6.arpa')) return undefined;
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').reverse().join('');
  if (!/^[0-9a-f]{32}$/.test(nibbles)) return undefined;
  return (nibbles.match(/.{4}/g) ?? []).map((group) => group.replace(/^0{1,3}/, '')).join(':');
}

function resolveReverse(zone: Zone, name: string, ip: string, type: string, owns: (ip: string) => boolean): Answer | undefined {
  const targets = reverseNames(zone, ip);
  if (targets.length === 0) return owns(ip) ? noName(zone) : undefined;
  if (type !== 'PTR' && type !== 'ANY') return noData(zone);
  return found(targets.map((value) => ({ name, ttl: ttls.endpoint, data: { type: 'PTR', value } })));
}

function reverseNames(zone: Zone, ip: string): string[] {
  const full = (service: ServiceRecord): string => `${service.name}.${service.namespace}.svc.${zone.domain}`;
  const service = zone.serviceByIP(ip);
  if (service) return [full(service)];
  const name = ({ service: s, endpoint }: { service: ServiceRecord; endpoint: EndpointRecord }): string =>
    `${endpointLabel(endpoint).toLowerCase()}.${full(s)}`;
  return zone.endpointsByIP(ip).map(name).sort();
}

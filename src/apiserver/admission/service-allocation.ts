import { isIPv4 } from 'node:net';
import type { Random } from '#base';
import { ApiError, invalid, type FieldError, type KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest } from '../types.ts';
import { NumberPool, staticBand, toAddress, toNumber } from './addresses.ts';
import { ServiceRanges } from './service-ranges.ts';

interface Port {
  name?: string;
  port: number;
  protocol?: string;
  nodePort?: number;
}
interface Spec {
  type?: string;
  clusterIP?: string;
  clusterIPs?: string[];
  ipFamilies?: string[];
  selector?: { [key: string]: string };
  ipFamilyPolicy?: string;
  ports?: Port[];
  allocateLoadBalancerNodePorts?: boolean;
  healthCheckNodePort?: number;
  externalTrafficPolicy?: string;
}
interface Service extends KubeObject {
  spec?: Spec;
}
export interface ServiceAllocationOptions {
  /** Cluster IPs come from here, for example 10.96.0.0/16, and from where ServiceCIDR objects say. */
  readonly cidr: string;
  /** First and last node port; default 30000 to 32767. */
  readonly nodePorts?: readonly [number, number];
  readonly random: Random;
}

/**
 * Cluster IPs and node ports of Services. What is in use is what the stored Services say, plus what is being
 * written now: numbers taken in `mutate` are given back in `settled` and kept by the stored object.
 */
export function serviceAllocation({ cidr, nodePorts: [first, last] = [30000, 32767], random }: ServiceAllocationOptions): AdmissionPlugin {
  const ranges = new ServiceRanges(cidr, () => random.next());
  const addresses = ranges.pool;
  const ports = new NumberPool([{ first, last, band: staticBand(last - first + 1, 16, 128) }], () => random.next());
  const pending = new WeakMap<AdmissionRequest, Reserved>();
  return {
    name: 'ServiceAllocation',
    handles: (kind) => kind.group === '' && kind.plural === 'services',
    start(reader) {
      ranges.follow(reader);
      reader.observe('', 'services', (object, old) => {
        count(object, (pool, value) => pool.take(value));
        count(old, (pool, value) => pool.release(value));
      });
    },
    mutate(request) {
      // Asked again about the same write: what the first time took is the object's own now.
      pending.get(request)?.release();
      const reserved = new Reserved();
      pending.set(request, reserved);
      new Allocation(request, reserved, ranges, ports).run();
    },
    settled(request) {
      pending.get(request)?.release();
    },
  };
  function count(object: Service | undefined, tell: (pool: NumberPool, value: number) => void): void {
    const spec = object?.spec;
    if (hasAddress(spec)) tell(addresses, toNumber(spec?.clusterIP as string));
    for (const port of usedPorts(spec)) tell(ports, port);
  }
}

/** What one write holds until it ends. */
class Reserved {
  #held: { pool: NumberPool; value: number }[] = [];
  add(pool: NumberPool, value: number): void {
    this.#held.push({ pool, value });
  }
  release(): void {
    for (const { pool, value } of this.#held.splice(0)) pool.release(value);
  }
}

class Allocation {
  readonly #request: AdmissionRequest;
  readonly #reserved: Reserved;
  readonly #ranges: ServiceRanges;
  readonly #addresses: NumberPool;
  readonly #ports: NumberPool;
  readonly #spec: Spec;
  readonly #old: Spec;
  constructor(request: AdmissionRequest, reserved: Reserved, ranges: ServiceRanges, ports: NumberPool) {
    this.#request = request;
    this.#reserved = reserved;
    this.#ranges = ranges;
    this.#addresses = ranges.pool;
    this.#ports = ports;
    this.#spec = (request.object as Service).spec ?? {};
    const old: Service | undefined = request.old;
    this.#old = old?.spec ?? {};
  }
  run(): void {
    if (this.#spec.type === 'ExternalName') return;
    this.#families();
    this.#inherit();
    this.#address();
    if (this.#spec.type === 'NodePort' || (this.#spec.type === 'LoadBalancer' && this.#spec.allocateLoadBalancerNodePorts !== false)) this.#nodePorts();
    this.#healthPort();
  }
  /** One family is all that a cluster has here. Of Services whose endpoints are written by hand, either may be. */
  #families(): void {
    const { clusterIP, selector = {}, ipFamilies = [], ipFamilyPolicy } = this.#spec;
    if (clusterIP === 'None' && Object.keys(selector).length === 0) return;
    if (this.#old.ipFamilyPolicy === ipFamilyPolicy && String(this.#old.ipFamilies ?? []) === String(ipFamilies)) return;
    const odd = ipFamilies.indexOf('IPv6');
    if (odd >= 0) throw this.#refuse(`spec.ipFamilies[${odd}]`, '"IPv6"', 'not configured on this cluster');
    if (ipFamilyPolicy === 'RequireDualStack')
      throw this.#refuse('spec.ipFamilyPolicy', '"RequireDualStack"', 'this cluster is not configured for dual-stack services');
  }
  /** An update that leaves the address and the node ports out keeps them. */
  #inherit(): void {
    const { type, clusterIP } = this.#old;
    if (type === 'ExternalName' || this.#request.old === undefined) return;
    if (!this.#spec.clusterIP && clusterIP) {
      this.#spec.clusterIP = clusterIP;
      if (!this.#spec.clusterIPs?.length && this.#old.clusterIPs) this.#spec.clusterIPs = [...this.#old.clusterIPs];
    }
    if (this.#spec.type !== 'NodePort' && this.#spec.type !== 'LoadBalancer') return;
    for (const port of this.#spec.ports ?? []) {
      const before = this.#old.ports?.find((p) => p.port === port.port && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP') && p.nodePort);
      const taken = before?.nodePort !== undefined && this.#spec.ports?.some((p) => p.nodePort === before.nodePort);
      if (!port.nodePort && before?.nodePort && !taken) port.nodePort = before.nodePort;
    }
  }
  #address(): void {
    const spec = this.#spec;
    if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
    if (spec.clusterIP === 'None') {
      spec.clusterIPs = ['None'];
    } else if (!spec.clusterIP) {
      const value = this.#addresses.allocate();
      if (value === undefined) throw this.#refuse('spec.clusterIPs', '[]', `failed to allocate IP: range is full`);
      this.#reserved.add(this.#addresses, value);
      spec.clusterIP = toAddress(value);
      spec.clusterIPs = [spec.clusterIP];
    } else {
      if (spec.clusterIP !== this.#old.clusterIP) this.#claim(spec.clusterIP);
      spec.clusterIPs ??= [spec.clusterIP];
    }
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }
  #claim(address: string): void {
    if (!isIPv4(address)) return;
    const value = toNumber(address);
    const shown = `[${JSON.stringify(address)}]`;
    const outside = this.#ranges.refusal(address, value);
    if (outside) throw this.#refuse('spec.clusterIPs', shown, `failed to allocate IP ${address}: ${outside}`);
    if (this.#addresses.has(value)) throw this.#refuse('spec.clusterIPs', shown, `failed to allocate IP ${address}: provided IP is already allocated`);
    this.#addresses.take(value);
    this.#reserved.add(this.#addresses, value);
  }
  #nodePorts(): void {
    const before = new Set(usedPorts(this.#old));
    const chosen = new Map<number, string[]>();
    for (const [i, port] of (this.#spec.ports ?? []).entries()) {
      if (!port.nodePort) continue;
      const protocols = chosen.get(port.nodePort) ?? [];
      if (!before.has(port.nodePort) && protocols.length === 0) this.#claimPort(port.nodePort, `spec.ports[${i}].nodePort`);
      chosen.set(port.nodePort, [...protocols, port.protocol ?? 'TCP']);
    }
    for (const [i, port] of (this.#spec.ports ?? []).entries()) {
      if (port.nodePort) continue;
      // TCP and UDP of one port number share a node port, as kube-apiserver has it.
      const twin = this.#spec.ports?.find((p) => p.port === port.port && p.nodePort && (p.protocol ?? 'TCP') !== (port.protocol ?? 'TCP'));
      port.nodePort = twin?.nodePort ?? this.#freePort(`spec.ports[${i}].nodePort`);
    }
  }
  #freePort(field: string): number {
    const value = this.#ports.allocate();
    if (value === undefined) throw this.#refuse(field, '0', 'failed to allocate a nodePort: range is full');
    this.#reserved.add(this.#ports, value);
    return value;
  }
  #claimPort(port: number, field: string): void {
    const [span] = this.#ports.spans;
    if (!this.#ports.contains(port))
      throw this.#refuse(field, String(port), `provided port is not in the valid range. The range of valid ports is ${span?.first}-${span?.last}`);
    if (this.#ports.has(port)) throw this.#refuse(field, String(port), 'provided port is already allocated');
    this.#ports.take(port);
    this.#reserved.add(this.#ports, port);
  }
  #healthPort(): void {
    const spec = this.#spec;
    if (spec.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local') return;
    if (!spec.healthCheckNodePort) spec.healthCheckNodePort = this.#old.healthCheckNodePort ?? this.#freePort('spec.healthCheckNodePort');
    else if (spec.healthCheckNodePort !== this.#old.healthCheckNodePort) this.#claimPort(spec.healthCheckNodePort, 'spec.healthCheckNodePort');
  }
  #refuse(field: string, shown: string, why: string): ApiError {
    const error: FieldError = { field, reason: 'FieldValueInvalid', message: `Invalid value: ${shown}: ${why}` };
    return invalid(this.#request.kind, this.#request.object.metadata?.name ?? '', [error]);
  }
}

function hasAddress(spec: Spec | undefined): boolean {
  return spec?.type !== 'ExternalName' && spec?.clusterIP !== undefined && isIPv4(spec.clusterIP);
}
/** Each node port once, however many protocols share it. */
function usedPorts(spec: Spec | undefined): number[] {
  const all = (spec?.ports ?? []).flatMap((port) => (port.nodePort ? [port.nodePort] : []));
  if (spec?.healthCheckNodePort) all.push(spec.healthCheckNodePort);
  return [...new Set(all)];
}

import { systemRandom, type Clock, type Logger, type Random } from '#base';
import type { Client } from '#client';
import { feedZone } from './dns/feed.ts';
import { Responder } from './dns/responder.ts';
import { startDnsServer, type DnsServer } from './dns/server.ts';
import { Upstream } from './dns/upstream.ts';
import { Zone } from './dns/zone.ts';
import { must, systemHost, type Host, type Run } from './host.ts';
import { cidrContains, isIPv4, mustCidr } from './ip.ts';
import { ensureLinks, linkName, removeLinks, type LinkSettings } from './links.ts';
import type { TableSettings } from './nft/unit.ts';
import { Programmer } from './programmer.ts';
import { Rules } from './rules.ts';

export interface NodeNetwork {
  name: string;
  /** InternalIP: the first address of its pod range. */
  ip: string;
  podCIDR: string;
}

export interface NetworkOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  /** Short id of the instance, 1 to 8 of [a-z0-9]: names the interface and the nftables table. */
  instance: string;
  /** Of the whole instance, for example 10.64.0.0/16. */
  podCIDR: string;
  serviceCIDR: string;
  nodes: readonly NodeNetwork[];
  dns: {
    /** Where pods ask; a Service with this clusterIP must lead to listenIP. */
    serviceIP: string;
    /** A node IP. */
    listenIP: string;
    /** Default 53; 0 takes a free one. */
    port?: number;
    /** Default cluster.local. */
    domain?: string;
    /** Resolvers for all other names; default: those of /etc/resolv.conf. */
    upstream?: readonly string[];
  };
  /** Addresses besides the node IPs where NodePorts and host ports answer. Default 127.0.0.1. */
  hostAddresses?: readonly string[];
  random?: Random;
  run?: Run;
  host?: Host;
}

export interface Network {
  /** Resolves when interface, rules and DNS are in place for everything that exists; rejects when that is impossible. */
  ready(): Promise<void>;
  /** With `remove`, takes table, interface and routes away; without, traffic goes on as it is. */
  stop(options: { remove: boolean }): Promise<void>;
  /** Resolves when everything the caches hold now is in the kernel. */
  settled(): Promise<void>;
  /** Resolves when no rule sends new connections to this pod (IP or UID) any more, after 2 s at most. True when it is so. */
  withdrawn(pod: string): Promise<boolean>;
  /** Where DNS listens, once ready. */
  readonly dnsPort: number;
}

const withdrawnLimitMs = 2000;

export function tableName(instance: string): string {
  return `batuta-${instance}`;
}

export function startNetwork(options: NetworkOptions): Network {
  const host = options.host ?? systemHost(options.run);
  const settings = checkedSettings(options);
  const links: LinkSettings = {
    link: linkName(options.instance),
    podCIDR: options.podCIDR,
    serviceCIDR: options.serviceCIDR,
    addresses: options.nodes.map((n) => n.ip),
  };
  const rules = new Rules(options.client, settings);
  const programmer = new Programmer({ host, clock: options.clock, log: options.log.named('rules'), settings, compile: (key) => rules.compile(key) });
  const zone = new Zone(options.dns.domain ?? 'cluster.local');
  const feed = feedZone(options.client, zone);
  let dns: DnsServer | undefined;
  let halt: () => void = () => {};
  const halted = new Promise<void>((resolve) => (halt = resolve));
  let stopped = false;

  const start = async (): Promise<void> => {
    await Promise.all([ensureLinks(host, links), warnOfFirewall(host, options)]);
    await Promise.race([Promise.all([rules.ready(), feed.ready()]), halted]);
    if (stopped) return;
    rules.follow((key) => programmer.mark(key));
    await programmer.start();
    if (stopped) return;
    dns = await startDns(options, zone);
    options.log.info('network is up', { link: links.link, table: settings.table, dns: `${options.dns.listenIP}:${dns.port}` });
  };
  const started = start();
  started.catch(() => {}); // whoever calls ready() hears of it

  return {
    ready: () => started,
    settled: () => programmer.settled(),
    withdrawn: (pod) => programmer.withdrawn(pod, withdrawnLimitMs),
    get dnsPort() {
      return dns?.port ?? 0;
    },
    async stop({ remove }) {
      stopped = true;
      halt();
      rules.close();
      feed.close();
      await started.catch(() => {});
      await programmer.close();
      await dns?.close();
      dns = undefined;
      if (!remove) return;
      await programmer.remove();
      await removeLinks(host, links);
    },
  };
}

function checkedSettings(options: NetworkOptions): TableSettings {
  const pods = mustCidr(options.podCIDR);
  mustCidr(options.serviceCIDR);
  for (const node of options.nodes) {
    mustCidr(node.podCIDR);
    if (!cidrContains(pods, node.ip)) throw new Error(`IP ${node.ip} of node ${node.name} is not in the pod range ${options.podCIDR}`);
  }
  const hostAddresses = options.hostAddresses ?? ['127.0.0.1'];
  for (const address of hostAddresses) if (!isIPv4(address)) throw new Error(`"${address}" is not an IPv4 address`);
  return { table: tableName(options.instance), podCIDR: options.podCIDR, serviceCIDR: options.serviceCIDR, nodes: options.nodes, hostAddresses };
}

function startDns(options: NetworkOptions, zone: Zone): Promise<DnsServer> {
  const { dns, clock, log } = options;
  const upstream = new Upstream({ clock, random: options.random ?? systemRandom, servers: dns.upstream, exclude: [dns.serviceIP, dns.listenIP] });
  const ranges = [mustCidr(options.podCIDR), mustCidr(options.serviceCIDR)];
  const responder = new Responder({ zone, upstream, owns: (ip) => ranges.some((range) => cidrContains(range, ip)) });
  return startDnsServer({ ip: dns.listenIP, port: dns.port ?? 53, clock, log: log.named('dns'), respond: (message, tcp) => responder.respond(message, tcp) });
}

/** Another table that drops wins over our accepting: say so once, with the way out. */
async function warnOfFirewall(host: Host, options: NetworkOptions): Promise<void> {
  const drops = async (chain: string): Promise<boolean> => {
    const { code, stdout } = await host.run('nft', ['list', 'chain', 'ip', 'filter', chain]);
    return code === 0 && stdout.includes('policy drop') && !stdout.includes(options.podCIDR);
  };
  const pods = options.podCIDR;
  const [forward, input] = await Promise.all([drops('FORWARD'), drops('INPUT')]);
  if (forward)
    options.log.warn('the host firewall drops forwarded packets: pods will not reach each other', {
      fix: `iptables -I FORWARD -s ${pods} -j ACCEPT; iptables -I FORWARD -d ${pods} -j ACCEPT`,
    });
  if (input)
    options.log.warn('the host firewall drops incoming packets: pods will not reach DNS and the API', { fix: `iptables -I INPUT -s ${pods} -j ACCEPT` });
}

/** Removes what an instance left behind, without a running network (`down` after a crash). */
export async function removeNetwork(options: { instance: string; podCIDR: string; serviceCIDR: string; run?: Run; host?: Host }): Promise<void> {
  const host = options.host ?? systemHost(options.run);
  const table = tableName(options.instance);
  await must(host, 'nft', ['-f', '-'], `table ip ${table}\ndelete table ip ${table}\n`);
  await removeLinks(host, { link: linkName(options.instance), podCIDR: options.podCIDR, serviceCIDR: options.serviceCIDR, addresses: [] });
}

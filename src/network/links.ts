import { must, type Host } from './host.ts';
import { cidrsOverlap, formatCidr, mustCidr, parseCidr, type Cidr } from './ip.ts';

export interface LinkSettings {
  /** Name of our interface, at most 15 characters. */
  link: string;
  podCIDR: string;
  serviceCIDR: string;
  /** Addresses the interface holds, as /32. */
  addresses: readonly string[];
}

interface IpLink {
  ifname: string;
  linkinfo?: { info_kind?: string };
  addr_info?: { family?: string; local?: string; prefixlen?: number }[];
}
interface IpRoute {
  type?: string;
  dst: string;
  dev?: string;
}

export function linkName(instance: string): string {
  if (!/^[a-z0-9]{1,8}$/.test(instance)) throw new Error(`instance "${instance}" must be 1 to 8 of a-z and 0-9`);
  return `batuta-${instance}`;
}

/**
 * Makes the interface, addresses, routes and sysctls of the instance true, whatever part of them exists:
 * - an interface with the node IPs, so that they exist before any pod does: a bridge without ports, because
 *   every kernel that runs containers has bridges (small ones lack dummy);
 * - serviceCIDR through it: the kernel must find a route (and with it the node IP as source) before our output
 *   chain can redirect a connection of the host;
 * - podCIDR unreachable: connections to pods that are gone fail at once and never leave the machine.
 * Throws when the ranges are in use by something else.
 */
export async function ensureLinks(host: Host, settings: LinkSettings): Promise<void> {
  const [links, all, routes] = await Promise.all([
    list<IpLink>(host, ['-j', '-4', 'addr', 'show']),
    list<IpLink>(host, ['-j', '-d', 'link', 'show']),
    list<IpRoute>(host, ['-j', '-4', 'route', 'show']),
  ]);
  const kinds = new Map(all.map((l) => [l.ifname, l.linkinfo?.info_kind ?? '']));
  const conflict = findConflict(settings, links, routes, kinds);
  if (conflict) throw new Error(conflict);
  const present = links.find((l) => l.ifname === settings.link)?.addr_info ?? [];
  await must(
    host,
    'ip',
    ['-batch', '-'],
    linkCommands(settings, kinds.has(settings.link), present)
      .map((line) => `${line}\n`)
      .join(''),
  );
  await ensureSysctl(host, 'net/ipv4/ip_forward', '1');
}

/** From what is there to what should be, for `ip -batch`. */
export function linkCommands(settings: LinkSettings, exists: boolean, present: readonly { local?: string; prefixlen?: number }[]): string[] {
  const { link, addresses, serviceCIDR, podCIDR } = settings;
  const held = new Set(present.map((a) => `${a.local}/${a.prefixlen}`));
  const wanted = new Set(addresses.map((address) => `${address}/32`));
  const source = addresses[0];
  return [
    ...(exists ? [] : [`link add ${link} type bridge`]),
    `link set ${link} up`,
    ...[...wanted].filter((a) => !held.has(a)).map((a) => `addr replace ${a} dev ${link}`),
    ...[...held].filter((a) => !wanted.has(a)).map((a) => `addr del ${a} dev ${link}`),
    `route replace ${serviceCIDR} dev ${link}${source ? ` src ${source}` : ''}`,
    `route replace unreachable ${podCIDR}`,
  ];
}

/** Removes the interface and routes; what is already gone is no error. ip_forward stays: others may rely on it. */
export async function removeLinks(host: Host, settings: LinkSettings): Promise<void> {
  const links = await list<IpLink>(host, ['-j', 'link', 'show']);
  if (links.some((l) => l.ifname === settings.link)) await must(host, 'ip', ['link', 'del', settings.link]);
  const routes = await list<IpRoute>(host, ['-j', '-4', 'route', 'show', 'type', 'unreachable']);
  if (routes.some((r) => sameBlock(r.dst, settings.podCIDR))) await must(host, 'ip', ['route', 'del', 'unreachable', settings.podCIDR]);
}

/** What stands in the way, or undefined. Host-side veths of pods carry their node's IP (CNI ptp), so veths do not count. */
export function findConflict(
  settings: LinkSettings,
  links: readonly IpLink[],
  routes: readonly IpRoute[],
  kinds: ReadonlyMap<string, string>,
): string | undefined {
  const ours = [mustCidr(settings.podCIDR), mustCidr(settings.serviceCIDR)];
  if (cidrsOverlap(...(ours as [Cidr, Cidr]))) return `pod range ${settings.podCIDR} and service range ${settings.serviceCIDR} overlap: choose others`;
  const foreign = (dev: string | undefined): boolean => dev !== undefined && dev !== settings.link && kinds.get(dev) !== 'veth';
  for (const link of links) {
    if (!foreign(link.ifname)) continue;
    const hit = link.addr_info?.find((a) => a.local !== undefined && ours.some((o) => within(o, `${a.local}/32`)));
    if (hit) return `address ${hit.local} of interface ${link.ifname} is inside ${describe(ours, hit.local ?? '')}: choose other pod and service ranges`;
  }
  for (const route of routes) {
    if (!foreign(route.dev) || route.dst === 'default') continue;
    const hit = ours.find((o) => within(o, route.dst));
    if (hit) return `route ${route.dst} of interface ${route.dev} is inside ${formatCidr(hit)}: choose other pod and service ranges`;
  }
  return undefined;
}

function describe(ours: readonly Cidr[], address: string): string {
  const hit = ours.find((o) => within(o, `${address}/32`));
  return hit ? formatCidr(hit) : '';
}
/** A wider route (a VPN's 10.0.0.0/8) is no conflict: ours are more specific. */
function within(ours: Cidr, text: string): boolean {
  const other = parseCidr(text.includes('/') ? text : `${text}/32`);
  return other !== undefined && other.prefix >= ours.prefix && cidrsOverlap(ours, other);
}
function sameBlock(a: string, b: string): boolean {
  const x = parseCidr(a);
  const y = parseCidr(b);
  return x !== undefined && y !== undefined && x.base === y.base && x.prefix === y.prefix;
}

async function list<T>(host: Host, args: readonly string[]): Promise<T[]> {
  const text = (await must(host, 'ip', args)).trim();
  const parsed: unknown = text === '' ? [] : JSON.parse(text);
  return Array.isArray(parsed) ? parsed.filter((entry): entry is T => typeof entry === 'object' && entry !== null && Object.keys(entry).length > 0) : [];
}

async function ensureSysctl(host: Host, name: string, value: string): Promise<void> {
  const path = `/proc/sys/${name}`;
  if ((await host.read(path)).trim() !== value) await host.write(path, value);
}

/**
 * Lets connections from 127.0.0.1 leave towards these pods: route_localnet on the host side of each one's veth,
 * and nowhere else. Returns the addresses that have no route yet (their pod's interface does not exist).
 */
export async function allowLocalhost(host: Host, addresses: readonly string[]): Promise<string[]> {
  if (addresses.length === 0) return [];
  const devices = hostRoutes(await host.read('/proc/net/route'));
  const missing: string[] = [];
  for (const address of addresses) {
    const device = devices.get(address);
    const done = device !== undefined && (await tryWrite(host, `/proc/sys/net/ipv4/conf/${device}/route_localnet`, '1'));
    if (!done) missing.push(address);
  }
  return missing;
}

async function tryWrite(host: Host, path: string, text: string): Promise<boolean> {
  try {
    await host.write(path, text);
    return true;
  } catch {
    return false; // the interface vanished in between
  }
}

/** /32 destinations → interface, from /proc/net/route (addresses there are little-endian hex). */
export function hostRoutes(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of text.split('\n').slice(1)) {
    const [device, destination, , , , , , mask] = line.split('\t');
    if (device === undefined || destination === undefined || mask !== 'FFFFFFFF') continue;
    const bytes = destination.match(/../g)?.map((hex) => parseInt(hex, 16)) ?? [];
    out.set(bytes.reverse().join('.'), device);
  }
  return out;
}

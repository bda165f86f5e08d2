import type { TableSettings } from './unit.ts';

/** Bit of the packet mark that asks for masquerading, as kube-proxy uses it. */
export const masqueradeMark = '0x4000';

/** Shared maps and sets that services fill. The order is the order of rendering. */
export const sharedSets: ReadonlyMap<string, string> = new Map([
  ['service-ips', 'map type ipv4_addr . inet_proto . inet_service : verdict;'],
  ['service-nodeports', 'map type inet_proto . inet_service : verdict;'],
  ['no-endpoint-services', 'map type ipv4_addr . inet_proto . inet_service : verdict;'],
  ['no-endpoint-nodeports', 'map type inet_proto . inet_service : verdict;'],
  ['host-ports', 'map type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;'],
  ['hairpin', 'set type ipv4_addr . ipv4_addr;'],
]);

const key = 'ip daddr . meta l4proto . th dport';

/**
 * The chains that every instance has. Nothing here matches traffic that is not the instance's own, but for one
 * rule: packets from a wire to 127.0.0.0/8 are dropped (RFC 1122 forbids them), because pods that serve a
 * NodePort on localhost have route_localnet set on their host-side interface (CVE-2020-8558).
 */
export function baseTable(settings: TableSettings): { sets: Map<string, string>; chains: Map<string, readonly string[]> } {
  const addresses = [...new Set([...settings.nodes.map((n) => n.ip), ...settings.hostAddresses])];
  const sets = new Map([...sharedSets, ['node-addresses', `set type ipv4_addr; elements = { ${addresses.join(', ')} };`]]);
  const { podCIDR, serviceCIDR } = settings;
  const chains = new Map<string, readonly string[]>([
    ['refuse', ['meta l4proto tcp reject with tcp reset', 'reject']],
    [
      'services',
      [
        `${key} vmap @service-ips`,
        'ip daddr @node-addresses meta l4proto . th dport vmap @service-nodeports',
        ...['tcp', 'udp', 'sctp'].map((proto) => `meta l4proto ${proto} dnat ip to ${key} map @host-ports`),
      ],
    ],
    ['endpoints-check', [`${key} vmap @no-endpoint-services`, 'ip daddr @node-addresses meta l4proto . th dport vmap @no-endpoint-nodeports']],
    ['localhost-guard', ['type filter hook prerouting priority -300; policy accept;', 'iifname != "lo" ip daddr 127.0.0.0/8 drop']],
    ['nat-prerouting', ['type nat hook prerouting priority -100; policy accept;', 'jump services']],
    ['nat-output', ['type nat hook output priority -100; policy accept;', 'jump services']],
    [
      'nat-postrouting',
      [
        'type nat hook postrouting priority 100; policy accept;',
        `meta mark and ${masqueradeMark} == ${masqueradeMark} meta mark set meta mark xor ${masqueradeMark} masquerade`,
        'ip saddr . ip daddr @hairpin masquerade',
        `ip saddr 127.0.0.0/8 ip daddr ${podCIDR} oifname != "lo" masquerade`,
        `ip saddr ${podCIDR} ip daddr != { ${podCIDR}, 224.0.0.0/4 } oifname != "lo" masquerade`,
      ],
    ],
    ['filter-input', ['type filter hook input priority -110; policy accept;', 'ct state new jump endpoints-check']],
    ['filter-forward', ['type filter hook forward priority -110; policy accept;', 'ct state new jump endpoints-check', `ip daddr ${serviceCIDR} goto refuse`]],
    ['filter-output', ['type filter hook output priority -110; policy accept;', 'ct state new jump endpoints-check']],
    ['filter-output-after', ['type filter hook output priority -90; policy accept;', `ip daddr ${serviceCIDR} goto refuse`]],
  ]);
  return { sets, chains };
}

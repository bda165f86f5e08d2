/** IP addresses and CIDRs as numbers, with the texts of apimachinery's validation. */
import type { FieldError } from '#machinery';
import { invalidValue } from './errors.ts';
import { isIPv4, isIPv6 } from './names.ts';

export interface Cidr {
  readonly bits: 32 | 128;
  readonly prefix: number;
  /** The address as it is written, host bits included. */
  readonly address: bigint;
}

const v4 = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);

function v6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const plain = dotted ? `${dotted[1]}${(v4(dotted[2]!) >> 16n).toString(16)}:${(v4(dotted[2]!) & 0xffffn).toString(16)}` : text;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...new Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

export function parseCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  if (!match) return undefined;
  const [ip, prefix] = [match[1]!, Number(match[2])];
  if (isIPv4(ip)) return prefix <= 32 ? { bits: 32, prefix, address: v4(ip) } : undefined;
  return isIPv6(ip) && prefix <= 128 ? { bits: 128, prefix, address: v6(ip) } : undefined;
}

const network = (cidr: Cidr, prefix: number): bigint => cidr.address >> BigInt(cidr.bits - prefix);
/** Whether `inner` lies in `outer` and is smaller. */
export const strictlyWithin = (inner: Cidr, outer: Cidr): boolean =>
  inner.bits === outer.bits && inner.prefix > outer.prefix && network(inner, outer.prefix) === network(outer, outer.prefix);
export const hasHostBits = (cidr: Cidr): boolean => network(cidr, cidr.prefix) << BigInt(cidr.bits - cidr.prefix) !== cidr.address;

export const validCidr = (field: string, text: string): FieldError[] =>
  parseCidr(text) ? [] : [invalidValue(field, text, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];

/** The one spelling that Go's netip gives an address (RFC 5952). The text must be an address. */
export function canonicalIP(text: string): string {
  if (isIPv4(text)) return text;
  const value = v6(text);
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  const runs = [
    ...groups
      .map((group) => (group === '0' ? '0' : 'x'))
      .join('')
      .matchAll(/0{2,}/g),
  ];
  const longest = runs.toSorted((a, b) => b[0].length - a[0].length || a.index - b.index)[0];
  if (!longest) return groups.join(':');
  return `${groups.slice(0, longest.index).join(':')}::${groups.slice(longest.index + longest[0].length).join(':')}`;
}

const rangesOf = (...texts: string[]): Cidr[] => texts.flatMap((text) => parseCidr(text) ?? []);
const within = (address: Cidr, range: Cidr): boolean => strictlyWithin(address, range) || address.address === range.address;

/** Addresses that mean the machine itself, or only the link: no traffic is to be sent there on somebody's behalf. */
const special: readonly { v4: RegExp; v6: readonly Cidr[]; text(ip: string): string }[] = [
  { v4: /^0\.0\.0\.0$/, v6: rangesOf('::/128'), text: (ip) => `may not be unspecified (${ip})` },
  { v4: /^127\./, v6: rangesOf('::1/128'), text: () => 'may not be in the loopback range (127.0.0.0/8, ::1/128)' },
  { v4: /^169\.254\./, v6: rangesOf('fe80::/10'), text: () => 'may not be in the link-local range (169.254.0.0/16, fe80::/10)' },
  { v4: /^224\.0\.0\./, v6: rangesOf('ff02::/16'), text: () => 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)' },
];

/** The text must be an address. Slices bring a thousand of them, nearly all IPv4: those need no arithmetic. */
export function specialIP(text: string): string[] {
  if (isIPv4(text)) return special.filter(({ v4: pattern }) => pattern.test(text)).map((one) => one.text(text));
  const address = parseCidr(`${text}/128`);
  return address ? special.filter(({ v6: ranges }) => ranges.some((range) => within(address, range))).map((one) => one.text(text)) : [];
}

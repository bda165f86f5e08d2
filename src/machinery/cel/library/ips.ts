import { cidrContainsIp, formatIp, isMappedV4, maskedIp, parseCidr, parseIp, type Cidr, type Ip } from '../../ip.ts';
import { readsFirst, readsSecond } from '../cost-rules.ts';
import { CelError } from '../errors.ts';
import type { FunctionSpec } from '../functions.ts';
import { Opaque } from '../values.ts';

class IpValue extends Opaque {
  readonly type = 'net.IP';
  readonly ip: Ip;
  constructor(ip: Ip) {
    super();
    this.ip = ip;
  }
  equals(other: this): boolean {
    return this.ip.family === other.ip.family && this.ip.value === other.ip.value;
  }
}
class CidrValue extends Opaque {
  readonly type = 'net.CIDR';
  readonly cidr: Cidr;
  constructor(cidr: Cidr) {
    super();
    this.cidr = cidr;
  }
  equals(other: this): boolean {
    return this.cidr.bits === other.cidr.bits && this.cidr.ip.family === other.cidr.ip.family && this.cidr.ip.value === other.cidr.ip.value;
  }
}

/** Kubernetes takes no IPv4 address that is dressed as IPv6. */
function readIp(text: string): Ip | undefined {
  const ip = parseIp(text);
  return ip && isMappedV4(ip) ? undefined : ip;
}
function readCidr(text: string): Cidr | undefined {
  const cidr = parseCidr(text);
  return cidr && isMappedV4(cidr.ip) ? undefined : cidr;
}
function ip(text: string): IpValue {
  const found = readIp(text);
  if (!found)
    throw new CelError(`IP Address ${JSON.stringify(text)} parse error during conversion from string: ParseAddr(${JSON.stringify(text)}): unable to parse IP`);
  return new IpValue(found);
}
function cidr(text: string): CidrValue {
  const found = readCidr(text);
  if (!found) throw new CelError(`network address parse error during conversion from string: netip.ParsePrefix(${JSON.stringify(text)}): no '/'`);
  return new CidrValue(found);
}

/** Whether the first `bits` bits are those of `prefix`. */
const under = ({ ip }: IpValue, prefix: string): boolean => cidrContainsIp(parseCidr(prefix)!, ip);
const underAny = (value: IpValue, ...prefixes: string[]): boolean => prefixes.some((prefix) => under(value, prefix));
const isLoopback = (value: IpValue): boolean => underAny(value, '127.0.0.0/8', '::1/128');
const isUnspecified = (value: IpValue): boolean => value.ip.value === 0n;
const isMulticast = (value: IpValue): boolean => underAny(value, '224.0.0.0/4', 'ff00::/8');
const isLinkLocal = (value: IpValue): boolean => underAny(value, '169.254.0.0/16', 'fe80::/10');
const isGlobal = (value: IpValue): boolean =>
  !isUnspecified(value) && !isLoopback(value) && !isMulticast(value) && !isLinkLocal(value) && !under(value, '255.255.255.255/32');

const formatCidr = (value: Cidr): string => `${formatIp(value.ip)}/${value.bits}`;
const containsCidr = (outer: CidrValue, inner: CidrValue): boolean => outer.cidr.bits <= inner.cidr.bits && cidrContainsIp(outer.cidr, inner.cidr.ip);

function isCanonical(text: string): boolean {
  return formatIp(ip(text).ip) === text;
}

/** Kubernetes' libraries of IP addresses and networks. */
export const ips: readonly FunctionSpec[] = [
  ['ip(string) IP', ip, readsFirst],
  ['isIP(string) bool', (text: string) => readIp(text) !== undefined, readsFirst],
  ['ip::isCanonical(string) bool', isCanonical, readsFirst],
  ['string(IP) string', (value: IpValue) => formatIp(value.ip)],
  ['IP.family() int', (value: IpValue) => BigInt(value.ip.family)],
  ['IP.isUnspecified() bool', isUnspecified],
  ['IP.isLoopback() bool', isLoopback],
  ['IP.isLinkLocalMulticast() bool', (value: IpValue) => underAny(value, '224.0.0.0/24', 'ff02::/16')],
  ['IP.isLinkLocalUnicast() bool', isLinkLocal],
  ['IP.isGlobalUnicast() bool', isGlobal],
  ['cidr(string) CIDR', cidr, readsFirst],
  ['isCIDR(string) bool', (text: string) => readCidr(text) !== undefined, readsFirst],
  ['string(CIDR) string', (value: CidrValue) => formatCidr(value.cidr)],
  ['CIDR.containsIP(string) bool', (outer: CidrValue, text: string) => cidrContainsIp(outer.cidr, ip(text).ip), readsSecond],
  ['CIDR.containsIP(IP) bool', (outer: CidrValue, inner: IpValue) => cidrContainsIp(outer.cidr, inner.ip)],
  ['CIDR.containsCIDR(string) bool', (outer: CidrValue, text: string) => containsCidr(outer, cidr(text)), readsSecond],
  ['CIDR.containsCIDR(CIDR) bool', containsCidr],
  ['CIDR.ip() IP', (value: CidrValue) => new IpValue(value.cidr.ip)],
  ['CIDR.masked() CIDR', (value: CidrValue) => new CidrValue({ ip: maskedIp(value.cidr), bits: value.cidr.bits })],
  ['CIDR.prefixLength() int', (value: CidrValue) => BigInt(value.cidr.bits)],
];

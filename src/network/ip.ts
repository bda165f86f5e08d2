/** IPv4 addresses as unsigned 32-bit numbers, and CIDR blocks over them. */

export interface Cidr {
  /** First address. */
  readonly base: number;
  /** Prefix length, 0–32. */
  readonly prefix: number;
}

/** The address as a number, or undefined when the text is not a dotted quad (no leading zeros, no short forms). */
export function parseIPv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

export function isIPv4(text: string): boolean {
  return parseIPv4(text) !== undefined;
}

export function formatIPv4(value: number): string {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

const size = (prefix: number): number => 2 ** (32 - prefix);

/** The block; host bits are cleared. Undefined when the text is not `a.b.c.d/n`. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || length === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length)) return undefined;
  const value = parseIPv4(address);
  const prefix = Number(length);
  if (value === undefined || prefix > 32) return undefined;
  return { base: value - (value % size(prefix)), prefix };
}

/** As parseCidr, throwing an Error that names the bad text. */
export function mustCidr(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) throw new Error(`"${text}" is not an IPv4 CIDR block such as 10.64.0.0/16`);
  return cidr;
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIPv4(cidr.base)}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, address: string | number): boolean {
  const value = typeof address === 'number' ? address : parseIPv4(address);
  return value !== undefined && value >= cidr.base && value < cidr.base + size(cidr.prefix);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.base < b.base + size(b.prefix) && b.base < a.base + size(a.prefix);
}

/** Address number `index` of the block (0 is the network address); undefined past the end. */
export function cidrAddress(cidr: Cidr, index: number): string | undefined {
  return index >= 0 && index < size(cidr.prefix) ? formatIPv4(cidr.base + index) : undefined;
}

/** Addresses in order, from number `from` (default: the first). */
export function* cidrAddresses(cidr: Cidr, from = 0): Generator<string> {
  for (let index = from; index < size(cidr.prefix); index++) yield formatIPv4(cidr.base + index);
}

/** Sub-block number `index` of length `prefix`; undefined when it does not fit. */
export function subCidr(cidr: Cidr, prefix: number, index: number): Cidr | undefined {
  if (prefix < cidr.prefix || prefix > 32 || index < 0 || index >= 2 ** (prefix - cidr.prefix)) return undefined;
  return { base: cidr.base + index * size(prefix), prefix };
}

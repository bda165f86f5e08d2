/** IP addresses and networks as numbers, with Go's reading of texts (netip): no leading zeros, no zones. */
export interface Ip {
  readonly family: 4 | 6;
  readonly value: bigint;
}
export interface Cidr {
  readonly ip: Ip;
  readonly bits: number;
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

/** The 16-bit groups of one side of `::`; a dotted quad at the end counts as two. */
function groupsOf(text: string, last: boolean): bigint[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const out: bigint[] = [];
  for (const [i, part] of parts.entries()) {
    if (last && i === parts.length - 1 && part.includes('.')) {
      const quad = parseV4(part);
      if (quad === undefined) return undefined;
      out.push(quad >> 16n, quad & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) out.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return out;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...new Array<bigint>(missing).fill(0n), ...tail]) value = (value << 16n) | group;
  return value;
}

export function parseIp(text: string): Ip | undefined {
  const family = text.includes(':') ? 6 : 4;
  const value = family === 6 ? parseV6(text) : parseV4(text);
  return value === undefined ? undefined : { family, value };
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.lastIndexOf('/');
  const bits = text.slice(slash + 1);
  const ip = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  if (!ip || !/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > (ip.family === 4 ? 32 : 128)) return undefined;
  return { ip, bits: Number(bits) };
}

/** ::ffff:a.b.c.d */
export const isMappedV4 = (ip: Ip): boolean => ip.family === 6 && ip.value >> 32n === 0xffffn;

export function formatIp(ip: Ip): string {
  if (ip.family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((ip.value >> shift) & 0xffn)).join('.');
  if (isMappedV4(ip)) return `::ffff:${formatIp({ family: 4, value: ip.value & 0xffffffffn })}`;
  const groups = Array.from({ length: 8 }, (_, i) => ((ip.value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const run = longestZeros(groups);
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    if (end > i) i = end;
  }
  return best;
}

/** The network with the bits of the host cleared. */
export function maskedIp({ ip, bits }: Cidr): Ip {
  const host = BigInt((ip.family === 4 ? 32 : 128) - bits);
  return { family: ip.family, value: (ip.value >> host) << host };
}

export function cidrContainsIp(cidr: Cidr, ip: Ip): boolean {
  if (cidr.ip.family !== ip.family) return false;
  return maskedIp({ ip, bits: cidr.bits }).value === maskedIp(cidr).value;
}

/** Kubernetes quantities (resource.Quantity): a decimal number with a binary, decimal or exponent suffix. */
const suffixes: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};
const pattern = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$/;

/** The value, or undefined when the text is not a quantity. */
export function parseQuantity(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isFinite(text) ? text : undefined;
  const match = pattern.exec(text);
  if (!match) return undefined;
  if (match[2]) return Number(match[1] + match[2]);
  return Number(match[1]) * (suffixes[match[3] ?? ''] ?? 1);
}
/** As parseQuantity, with 0 for absent or malformed text. */
export function quantityToNumber(text: string | number | undefined): number {
  return text === undefined ? 0 : (parseQuantity(text) ?? 0);
}
/** In thousandths, rounded up: the unit of CPU. */
export function quantityToMilli(text: string | number | undefined): number {
  const value = quantityToNumber(text) * 1000;
  const rounded = Math.round(value);
  return Math.abs(value - rounded) < 1e-6 ? rounded : Math.ceil(value);
}
export function compareQuantity(a: string | number, b: string | number): number {
  return (parseQuantity(a) ?? 0) - (parseQuantity(b) ?? 0);
}
/** Bytes as the largest exact binary suffix, for example 16777216 → 16Mi. */
export function formatBytes(bytes: number): string {
  for (const suffix of ['Ei', 'Pi', 'Ti', 'Gi', 'Mi', 'Ki']) {
    const unit = suffixes[suffix] as number;
    if (bytes >= unit && bytes % unit === 0) return bytes / unit + suffix;
  }
  return String(bytes);
}

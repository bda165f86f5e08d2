import type { V1Taint, V1Toleration } from '../generated/types.ts';

/** Whether a toleration covers a taint (API reference of Toleration): empty key with Exists covers all, empty effect covers every effect. */
export function tolerates(toleration: V1Toleration, taint: V1Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case '':
    case 'Equal':
      return toleration.key !== undefined && toleration.key !== '' && (toleration.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    case 'Gt':
      return compare(taint, toleration, (a, b) => a > b);
    case 'Lt':
      return compare(taint, toleration, (a, b) => a < b);
    default:
      return false;
  }
}
/** KEP-5471: the taint's value is compared with the toleration's, both integers. */
function compare(taint: V1Taint, toleration: V1Toleration, holds: (a: number, b: number) => boolean): boolean {
  const integer = /^(0|-?[1-9]\d*)$/;
  if (!integer.test(taint.value ?? '') || !integer.test(toleration.value ?? '')) return false;
  return holds(Number(taint.value), Number(toleration.value));
}

export const tolerated = (tolerations: readonly V1Toleration[], taint: V1Taint): boolean => tolerations.some((t) => tolerates(t, taint));

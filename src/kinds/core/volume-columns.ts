/** Cells that volumes and claims share. */
import type { KubeObject } from '#machinery';

const short: { readonly [mode: string]: string } = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };

/** `RWO,ROX`: each mode once, in this order. */
export const accessModesText = (modes: readonly string[] | undefined): string =>
  Object.keys(short)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => short[mode]!)
    .join(',');

/** The annotation is what the field was before it was a field. */
export const storageClassText = (object: KubeObject & { spec?: { storageClassName?: string } }): string =>
  object.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? '';

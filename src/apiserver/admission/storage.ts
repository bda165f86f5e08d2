import { quantityToNumber } from '#base';
import type { Kind, KubeObject } from '#machinery';
import type { AdmissionPlugin, ObjectReader } from '../types.ts';
import type { Resources } from './pods.ts';
import { forbidden } from './refusals.ts';

interface Claim extends KubeObject {
  spec?: { storageClassName?: string; resources?: Resources };
  status?: { phase?: string };
}
const isClaims = ({ group, plural }: Kind): boolean => group === '' && plural === 'persistentvolumeclaims';
/** The name of a claim's StorageClass: an old annotation comes before the field. */
export function classOfClaim({ metadata, spec }: Pick<Claim, 'metadata' | 'spec'>): string {
  return metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? spec?.storageClassName ?? '';
}

/** A claim grows only when it is bound and its StorageClass allows expansion. */
export function claimResize(): AdmissionPlugin {
  let reader: ObjectReader;
  const size = ({ spec }: Claim): number => quantityToNumber(spec?.resources?.requests?.['storage']);
  const expandable = (name: string): boolean =>
    (reader.get('storage.k8s.io', 'storageclasses', undefined, name) as { allowVolumeExpansion?: boolean } | undefined)?.allowVolumeExpansion === true;
  return {
    name: 'PersistentVolumeClaimResize',
    handles: isClaims,
    operations: ['UPDATE'],
    start: (given) => void (reader = given),
    validate(request) {
      const claim: Claim = request.object;
      const old = request.old as Claim;
      if (size(claim) <= size(old)) return;
      if (old.status?.phase !== 'Bound') throw forbidden(request, 'Only bound persistent volume claims can be expanded');
      const name = classOfClaim(claim);
      if (name === '' || name !== classOfClaim(old) || !expandable(name))
        throw forbidden(request, 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize');
    },
  };
}

const finalizers: { readonly [resource: string]: string } = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
};
const finalizerOf = ({ group, plural }: Kind): string | undefined => finalizers[group ? `${plural}.${group}` : plural];

/** Volumes and claims are not removed while they are used: the protection controllers take the finalizers off again. */
export function storageProtection(): AdmissionPlugin {
  return {
    name: 'StorageObjectInUseProtection',
    handles: (kind) => finalizerOf(kind) !== undefined,
    operations: ['CREATE'],
    mutate({ kind, object }) {
      const finalizer = finalizerOf(kind) as string;
      const metadata = (object.metadata ??= {});
      if (!metadata.finalizers?.includes(finalizer)) metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    },
  };
}

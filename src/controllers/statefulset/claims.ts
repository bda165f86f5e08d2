import { Pod, StatefulSet, type V1PersistentVolumeClaim, type V1Pod, type V1StatefulSet } from '#kinds';
import type { Kind, KubeObject, OwnerReference } from '#machinery';
import { controllerReference } from '../ownership.ts';
import { isInRange, ordinalOf } from './identity.ts';

interface Owner {
  kind: Pick<Kind, 'apiVersion' | 'kind'>;
  object: KubeObject;
}
const named = (ref: OwnerReference, { kind, object }: Owner): boolean =>
  ref.apiVersion === kind.apiVersion && ref.kind === kind.kind && ref.name === object.metadata?.name;
const refersTo = (ref: OwnerReference, { object }: Owner): boolean => ref.uid === object.metadata?.uid;
const refs = (claim: V1PersistentVolumeClaim): readonly OwnerReference[] => claim.metadata?.ownerReferences ?? [];

function retention(set: V1StatefulSet): { scaled: boolean; deleted: boolean } {
  const policy = set.spec?.persistentVolumeClaimRetentionPolicy;
  return { scaled: policy?.whenScaled === 'Delete', deleted: policy?.whenDeleted === 'Delete' };
}

/** The claim refers to a pod or set of this name that is gone: the garbage collector is about to remove it. */
export function isStale(claim: V1PersistentVolumeClaim, pod: V1Pod): boolean {
  return isStaleFor(claim, { kind: Pod, object: pod });
}
function isStaleFor(claim: V1PersistentVolumeClaim, owner: Owner): boolean {
  const ref = refs(claim).find((r) => named(r, owner));
  return ref !== undefined && !refersTo(ref, owner);
}

/** Something else manages the claim; the retention policy is not applied then. */
export function hasConflictingController(claim: V1PersistentVolumeClaim, set: V1StatefulSet, pod: V1Pod): boolean {
  const { scaled, deleted } = retention(set);
  if (!scaled && !deleted) return false;
  const own: Owner[] = [
    { kind: StatefulSet, object: set },
    { kind: Pod, object: pod },
  ];
  return refs(claim).some((ref) => {
    const owner = own.find((o) => named(ref, o));
    return owner ? !refersTo(ref, owner) : ref.controller === true;
  });
}

/** Who owns the claims of a pod: the pod once it is scaled away, the set as long as it is not. */
function wantedOwner(set: V1StatefulSet, pod: V1Pod): Owner | undefined {
  const { scaled, deleted } = retention(set);
  if (scaled && !isInRange(set, ordinalOf(pod))) return { kind: Pod, object: pod };
  return deleted ? { kind: StatefulSet, object: set } : undefined;
}

/**
 * The owner references that the retention policy asks for; undefined when the claim has them, or when it
 * is none of ours to change. (Kubernetes: isClaimOwnerUpToDate, updateClaimOwnerRefForSetAndPod.)
 */
export function ownersToSet(claim: V1PersistentVolumeClaim, set: V1StatefulSet, pod: V1Pod): OwnerReference[] | undefined {
  const own: Owner[] = [
    { kind: StatefulSet, object: set },
    { kind: Pod, object: pod },
  ];
  if (own.some((owner) => isStaleFor(claim, owner))) return undefined;
  const others = refs(claim).filter((ref) => !own.some((owner) => named(ref, owner)));
  const present = refs(claim).filter((ref) => own.some((owner) => refersTo(ref, owner)));
  if (hasConflictingController(claim, set, pod)) return present.length > 0 ? others : undefined;
  const wanted = wantedOwner(set, pod);
  const right = wanted ? present.length === 1 && present.every((ref) => refersTo(ref, wanted) && ref.controller === true) : present.length === 0;
  if (right) return undefined;
  return wanted ? [...others, controllerReference(wanted.kind, wanted.object)] : others;
}

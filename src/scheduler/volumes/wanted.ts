import { isClaimBound, termMatcher, type NodeMatcher, type V1PersistentVolume, type V1PersistentVolumeClaim, type V1StorageClass } from '#kinds';
import { Refusal } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { claimName } from './pod-claims.ts';

/** The claims of a pod as far as they concern its placing; the same for all nodes. */
export interface WantedVolumes {
  /** Where the bound volumes can be used. */
  readonly bound: readonly NodeMatcher[];
  /** A claim is bound to a volume that is not there. */
  readonly missing: boolean;
  /** Claims that wait for their first pod, smallest first. */
  readonly delayed: readonly V1PersistentVolumeClaim[];
}

interface Lookup {
  claim(name: string): V1PersistentVolumeClaim | undefined;
  volume(name: string): V1PersistentVolume | undefined;
  storageClass(claim: V1PersistentVolumeClaim): V1StorageClass | undefined;
  size(claim: V1PersistentVolumeClaim): number;
}

/** A `Refusal`, with kube-scheduler's words, when no node can take the pod as things are. */
export function wantedVolumes(pod: PodInfo, lookup: Lookup): WantedVolumes | Refusal {
  const claims: V1PersistentVolumeClaim[] = [];
  for (const volume of pod.pod.spec?.volumes ?? []) {
    const name = claimName(pod, volume);
    if (name === undefined) continue;
    const claim = lookup.claim(name);
    const wrong = claim ? unusable(claim, pod, volume.ephemeral !== undefined) : volume.ephemeral ? waiting(name) : `persistentvolumeclaim "${name}" not found`;
    if (!claim || wrong !== undefined) return new Refusal(wrong ?? '');
    claims.push(claim);
  }
  const unbound = claims.filter((claim) => !isClaimBound(claim));
  const isDelayed = (claim: V1PersistentVolumeClaim): boolean =>
    !claim.spec?.volumeName && lookup.storageClass(claim)?.volumeBindingMode === 'WaitForFirstConsumer';
  if (!unbound.every(isDelayed)) return new Refusal('pod has unbound immediate PersistentVolumeClaims');
  const volumes = claims.filter(isClaimBound).map((claim) => lookup.volume(claim.spec?.volumeName ?? ''));
  return {
    bound: volumes.flatMap((volume) => (volume ? (usableOn(volume) ?? []) : [])),
    missing: volumes.includes(undefined),
    delayed: unbound.toSorted((a, b) => lookup.size(a) - lookup.size(b)),
  };
}
const waiting = (name: string): string => `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`;

function unusable(claim: V1PersistentVolumeClaim, pod: PodInfo, ephemeral: boolean): string | undefined {
  const { name, namespace, deletionTimestamp, ownerReferences } = claim.metadata ?? {};
  if (deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  if (claim.status?.phase === 'Lost') return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
  if (ephemeral && !ownerReferences?.some((ref) => ref.controller && ref.uid === pod.uid))
    return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.name} (pod is not owner)`;
  return undefined;
}

function usableOn(volume: V1PersistentVolume): NodeMatcher | undefined {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms?.map(termMatcher);
  return terms && ((node) => terms.some((matches) => matches(node)));
}

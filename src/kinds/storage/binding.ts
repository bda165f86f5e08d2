/** What binds claims and volumes: facts that the binder, the scheduler and the nodes share (component-helpers/storage/volume). */
import { compareQuantity } from '#base';
import { labelSelectorMatcher, type KubeObject } from '#machinery';
import type { V1PersistentVolume, V1PersistentVolumeClaim, V1StorageClass } from '../generated/types.ts';
import { termMatcher, type SelectedNode } from '../support/node-matching.ts';

/** The binding is whole: the claim was bound to its volume once. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** The reference was made by the controller, not by the user. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** On volumes: who made them, and has to delete them. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** On claims: who has to make a volume. The older name is still written, as Kubernetes does. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner';
/** On claims: the node that the scheduler chose for the first pod; the volume has to be usable there. */
export const selectedNode = 'volume.kubernetes.io/selected-node';
/** The provisioner of classes whose volumes are made by hand. */
export const noProvisioner = 'kubernetes.io/no-provisioner';

/** The volume plugin of this project that makes directories on nodes. */
export const localPathProvisioner = 'batuta.dev/local-path';

const betaClass = 'volume.beta.kubernetes.io/storage-class';
/** The name of the StorageClass of a claim or volume, '' for none: an old annotation comes before the field. */
export function storageClassOf(object: KubeObject & { spec?: { storageClassName?: string } }): string {
  return object.metadata?.annotations?.[betaClass] ?? object.spec?.storageClassName ?? '';
}
/** Whether a claim says anything of its class: '' is a choice too. */
export const hasStorageClass = (claim: V1PersistentVolumeClaim): boolean =>
  claim.metadata?.annotations?.[betaClass] !== undefined || claim.spec?.storageClassName !== undefined;

const defaultMarks = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
export const isDefaultStorageClass = (cls: V1StorageClass): boolean => defaultMarks.some((mark) => cls.metadata?.annotations?.[mark] === 'true');
/** The class of claims that name none: the newest of those marked, of two of one time the first by name. */
export function defaultStorageClass(classes: readonly V1StorageClass[]): V1StorageClass | undefined {
  const age = (cls: V1StorageClass): number => Date.parse(cls.metadata?.creationTimestamp ?? '') || 0;
  const name = (cls: V1StorageClass): string => cls.metadata?.name ?? '';
  return classes.filter(isDefaultStorageClass).toSorted((a, b) => age(b) - age(a) || (name(a) < name(b) ? -1 : 1))[0];
}

export const hasAnnotation = (object: KubeObject, key: string): boolean => object.metadata?.annotations?.[key] !== undefined;
export const isClaimBound = (claim: V1PersistentVolumeClaim): boolean => hasAnnotation(claim, bindCompleted) && (claim.spec?.volumeName ?? '') !== '';

/** Whether the volume refers to this claim; a reference without uid, written by a user, counts. */
export function isBoundTo(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (!ref || ref.name !== claim.metadata?.name || ref.namespace !== claim.metadata?.namespace) return false;
  return !ref.uid || ref.uid === claim.metadata?.uid;
}

const sizeOf = (volume: V1PersistentVolume): string => volume.spec?.capacity?.['storage'] ?? '0';
const modeOf = (spec: { volumeMode?: string } | undefined): string => spec?.volumeMode ?? 'Filesystem';
const hasModes = (volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean =>
  (claim.spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode));

const tooSmall = (volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean =>
  compareQuantity(sizeOf(volume), claim.spec?.resources?.requests?.['storage'] ?? '0') < 0;
const sameAttributesClass = (volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean =>
  (volume.spec?.volumeAttributesClassName ?? '') === (claim.spec?.volumeAttributesClassName ?? '');

/** Why the volume cannot serve the claim, in the words of Kubernetes; undefined when it can. */
export function misfit(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): string | undefined {
  if (volume.metadata?.deletionTimestamp !== undefined) return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`;
  if (tooSmall(volume, claim)) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (!sameAttributesClass(volume, claim)) return 'VolumeAttributesClassName does not match';
  if (!sameVolumeMode(volume, claim)) return 'incompatible volumeMode';
  return hasModes(volume, claim) ? undefined : 'incompatible accessMode';
}
export const sameVolumeMode = (volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean => modeOf(volume.spec) === modeOf(claim.spec);

/** Whether a volume can be used on a node (spec.nodeAffinity). */
export function isUsableOn(volume: V1PersistentVolume, node: SelectedNode): boolean {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return !terms || terms.some((term) => termMatcher(term)(node));
}

export interface MatchOptions {
  /** The node where it has to be usable: the scheduler's question. */
  node?: SelectedNode;
  /** The claim waits for its first pod: only a volume that names it is its own before that. */
  delayed?: boolean;
  /** Names of volumes that are spoken for. */
  taken?: ReadonlySet<string>;
}

/** The volume for a claim: the one that names it, or the smallest free one that fits, with the fewest access modes beyond those asked for. */
export function findVolume(claim: V1PersistentVolumeClaim, volumes: Iterable<V1PersistentVolume>, options: MatchOptions = {}): V1PersistentVolume | undefined {
  const { node, delayed = false, taken } = options;
  const selected = claim.spec?.selector ? labelSelectorMatcher(claim.spec.selector) : undefined;
  let best: V1PersistentVolume | undefined;
  for (const volume of volumes) {
    if (taken?.has(volume.metadata?.name ?? '') || volume.metadata?.deletionTimestamp !== undefined) continue;
    if (isBoundTo(volume, claim)) {
      // What a user has put together has to be large enough and of the right sort, no more.
      if (tooSmall(volume, claim) || !sameVolumeMode(volume, claim) || !sameAttributesClass(volume, claim)) continue;
      return !node || isUsableOn(volume, node) ? volume : undefined;
    }
    if (volume.spec?.claimRef || (delayed && !node)) continue;
    if (misfit(volume, claim) !== undefined || (selected && !selected(volume.metadata?.labels)) || (node && !isUsableOn(volume, node))) continue;
    if (!best || isBetter(volume, best)) best = volume;
  }
  return best;
}
function isBetter(volume: V1PersistentVolume, best: V1PersistentVolume): boolean {
  const modes = (volume.spec?.accessModes?.length ?? 0) - (best.spec?.accessModes?.length ?? 0);
  return modes !== 0 ? modes < 0 : compareQuantity(sizeOf(volume), sizeOf(best)) < 0;
}

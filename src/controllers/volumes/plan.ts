import {
  bindCompleted,
  boundByController,
  defaultStorageClass,
  findVolume,
  hasAnnotation,
  hasStorageClass,
  isBoundTo,
  misfit,
  noProvisioner,
  provisionedBy,
  sameVolumeMode,
  selectedNode,
  storageClassOf,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1Pod,
  type V1StorageClass,
} from '#kinds';

/** An Event about the object in hand. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** What is to be done for a claim. */
export type ClaimPlan =
  | { readonly do: 'bind'; readonly volume: V1PersistentVolume }
  /** It waits, and why. */
  | { readonly do: 'wait'; readonly note?: Note }
  | { readonly do: 'lose'; readonly note: Note }
  | { readonly do: 'assign'; readonly storageClass: string }
  | { readonly do: 'provision'; readonly provisioner: string; readonly note: Note };

/** What the binder can look at. */
export interface StorageView {
  volume(name: string): V1PersistentVolume | undefined;
  storageClass(name: string): V1StorageClass | undefined;
  storageClasses(): readonly V1StorageClass[];
  /** Volumes that name the claim, and those of its class that are free. */
  candidates(claim: V1PersistentVolumeClaim): Iterable<V1PersistentVolume>;
  /** Pods that use the claim. */
  users(claim: V1PersistentVolumeClaim): readonly V1Pod[];
}

const note = (type: Note['type'], reason: string, message: string): Note => ({ type, reason, message });

/** The next step for a claim (syncClaim of the persistent volume controller). Pure. */
export function planClaim(claim: V1PersistentVolumeClaim, view: StorageView): ClaimPlan {
  if (hasAnnotation(claim, bindCompleted)) return planBoundClaim(claim, view);
  return claim.spec?.volumeName ? planNamedVolume(claim, view.volume(claim.spec.volumeName), claim.spec.volumeName) : planUnboundClaim(claim, view);
}

function planBoundClaim(claim: V1PersistentVolumeClaim, view: StorageView): ClaimPlan {
  const name = claim.spec?.volumeName ?? '';
  const lost = (reason: string, message: string): ClaimPlan => ({ do: 'lose', note: note('Warning', reason, message) });
  if (name === '') return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = view.volume(name);
  if (!volume) return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const owner = volume.spec?.claimRef?.uid;
  if (!volume.spec?.claimRef || owner === claim.metadata?.uid || isBoundTo(volume, claim)) return { do: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

/** The user has asked for one certain volume. */
function planNamedVolume(claim: V1PersistentVolumeClaim, volume: V1PersistentVolume | undefined, name: string): ClaimPlan {
  if (!volume) return { do: 'wait' };
  if (!volume.spec?.claimRef) {
    const wrong = misfit(volume, claim);
    if (wrong === undefined) return { do: 'bind', volume };
    return { do: 'wait', note: note('Warning', 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${wrong}`) };
  }
  if (isBoundTo(volume, claim)) return { do: 'bind', volume };
  return { do: 'wait', note: note('Warning', 'FailedBinding', `volume "${name}" already bound to a different claim.`) };
}

function planUnboundClaim(claim: V1PersistentVolumeClaim, view: StorageView): ClaimPlan {
  const className = storageClassOf(claim);
  const cls = className === '' ? undefined : view.storageClass(className);
  const delayed = cls?.volumeBindingMode === 'WaitForFirstConsumer';
  const volume = findVolume(claim, view.candidates(claim), { delayed });
  if (volume) return { do: 'bind', volume };
  const fallback = hasStorageClass(claim) ? undefined : defaultStorageClass(view.storageClasses())?.metadata?.name;
  if (fallback !== undefined) return { do: 'assign', storageClass: fallback };
  if (delayed && !hasAnnotation(claim, selectedNode)) return { do: 'wait', note: firstConsumer(view.users(claim)) };
  if (className === '')
    return { do: 'wait', note: note('Normal', 'FailedBinding', 'no persistent volumes available for this claim and no storage class is set') };
  return planProvisioning(className, cls);
}

function firstConsumer(users: readonly V1Pod[]): Note {
  const names = users
    .filter((pod) => !pod.spec?.nodeName && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed')
    .map((pod) => pod.metadata?.name ?? '');
  if (names.length === 0) return note('Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
  return note('Normal', 'WaitForPodScheduled', `waiting for pod${names.length > 1 ? 's' : ''} ${names.join(',')} to be scheduled`);
}

function planProvisioning(className: string, cls: V1StorageClass | undefined): ClaimPlan {
  const failed = (message: string): ClaimPlan => ({ do: 'wait', note: note('Warning', 'ProvisioningFailed', message) });
  if (!cls) return failed(`storageclass.storage.k8s.io "${className}" not found`);
  if (cls.provisioner === noProvisioner) return failed(`no volume plugin matched name: ${noProvisioner}`);
  const message = `Waiting for a volume to be created either by the external provisioner '${cls.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { do: 'provision', provisioner: cls.provisioner, note: note('Normal', 'ExternalProvisioning', message) };
}

/** What is to be done for a volume. */
export type VolumePlan =
  | { readonly do: 'phase'; readonly phase: 'Available' | 'Bound' }
  /** The claim has to be looked at: the binding is half done. */
  | { readonly do: 'claim' }
  | { readonly do: 'mismatch'; readonly note: Note; readonly claimNote: Note }
  /** Its claim is bound to another volume. */
  | { readonly do: 'unbind' }
  /** Its claim is gone. `note`: why it cannot be reclaimed. */
  | { readonly do: 'release'; readonly note?: Note };

/** The next step for a volume (syncVolume of the persistent volume controller); `claim` is what its claimRef names. Pure. */
export function planVolume(volume: V1PersistentVolume, found: V1PersistentVolumeClaim | undefined): VolumePlan {
  const ref = volume.spec?.claimRef;
  if (!ref?.uid) return { do: 'phase', phase: 'Available' };
  const claim = found?.metadata?.uid === ref.uid ? found : undefined;
  if (!claim) return release(volume);
  const bound = claim.spec?.volumeName ?? '';
  if (bound === volume.metadata?.name) return { do: 'phase', phase: 'Bound' };
  if (bound !== '') return hasAnnotation(volume, provisionedBy) && volume.spec?.persistentVolumeReclaimPolicy === 'Delete' ? release(volume) : { do: 'unbind' };
  if (sameVolumeMode(volume, claim)) return { do: 'claim' };
  return {
    do: 'mismatch',
    note: note(
      'Warning',
      'VolumeMismatch',
      `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${claim.metadata?.name}" due to incompatible volumeMode.`,
    ),
    claimNote: note(
      'Warning',
      'VolumeMismatch',
      `Cannot bind PersistentVolume "${volume.metadata?.name}" to requested PersistentVolumeClaim "${claim.metadata?.name}" due to incompatible volumeMode.`,
    ),
  };
}

/** Who made a volume deletes it; nobody deletes or empties what was made by hand. */
function release(volume: V1PersistentVolume): VolumePlan {
  const name = volume.metadata?.name ?? '';
  const policy = volume.spec?.persistentVolumeReclaimPolicy;
  if (policy === 'Recycle') return { do: 'release', note: note('Warning', 'VolumeFailedRecycle', 'No recycler plugin found for the volume!') };
  if (policy !== 'Delete' || hasAnnotation(volume, provisionedBy)) return { do: 'release' };
  return {
    do: 'release',
    note: note('Warning', 'VolumeFailedDelete', `error getting deleter volume plugin for volume "${name}": no deletable volume plugin matched`),
  };
}

/** The volume as it refers to the claim; the same object when it does already. */
export function boundVolume(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): V1PersistentVolume {
  const mine = isBoundTo(volume, claim);
  if (mine && volume.spec?.claimRef?.uid) return volume;
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  const claimRef = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    ...(namespace ? { namespace } : {}),
    name: name ?? '',
    uid: uid ?? '',
    resourceVersion: resourceVersion ?? '',
  };
  const annotations = mine ? volume.metadata?.annotations : { ...volume.metadata?.annotations, [boundByController]: 'yes' };
  return { ...volume, metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) }, spec: { ...volume.spec, claimRef } };
}
/** The claim as it refers to the volume; the same object when it does already. */
export function boundClaim(claim: V1PersistentVolumeClaim, volume: V1PersistentVolume): V1PersistentVolumeClaim {
  const name = volume.metadata?.name ?? '';
  const chosen = claim.spec?.volumeName !== name;
  if (!chosen && hasAnnotation(claim, bindCompleted)) return claim;
  const annotations = { ...claim.metadata?.annotations, [bindCompleted]: 'yes', ...(chosen ? { [boundByController]: 'yes' } : {}) };
  return { ...claim, metadata: { ...claim.metadata, annotations }, spec: { ...claim.spec, volumeName: name } };
}
/** The status of a bound claim. What a claim was bound with stays its capacity: growth is told by who resizes. */
export function boundStatus(claim: V1PersistentVolumeClaim, volume: V1PersistentVolume): NonNullable<V1PersistentVolumeClaim['status']> {
  const was = claim.status?.phase === 'Bound';
  const attributes = volume.spec?.volumeAttributesClassName;
  const size = (was && claim.status?.capacity) || { storage: volume.spec?.capacity?.['storage'] ?? '0' };
  return {
    ...claim.status,
    phase: 'Bound',
    accessModes: [...(volume.spec?.accessModes ?? [])],
    capacity: size,
    ...(!was && attributes ? { currentVolumeAttributesClassName: attributes } : {}),
  };
}
/** The volume without its claim; a reference that a user wrote keeps the name. */
export function unboundVolume(volume: V1PersistentVolume): V1PersistentVolume {
  const { claimRef, ...spec } = volume.spec ?? {};
  const { [boundByController]: byController, ...annotations } = volume.metadata?.annotations ?? {};
  if (byController !== undefined) return { ...volume, metadata: { ...volume.metadata, annotations }, spec };
  const { uid: _uid, resourceVersion: _version, ...named } = claimRef ?? {};
  return { ...volume, spec: { ...spec, claimRef: named } };
}

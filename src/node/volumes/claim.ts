import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1Volume } from '#kinds';
import { allContainers, nameOf, namespaceOf, uidOf } from '../pod.ts';
import { hostPathSource } from './host-path.ts';
import { localVolume } from './local.ts';
import { VolumeError, type Located, type VolumeContext, type VolumePlugin } from './plugin.ts';

/** The claim that a volume of a pod stands for: a named one, or the pod's own. */
function claimName(pod: V1Pod, volume: V1Volume): string {
  return volume.persistentVolumeClaim?.claimName ?? `${nameOf(pod)}-${volume.name}`;
}

/** The volume of a claim, once they are bound. Rejects with the texts of kubelet. */
async function boundVolume({ pod, volume, objects, take }: VolumeContext): Promise<V1PersistentVolume> {
  const name = claimName(pod, volume);
  const at = `${namespaceOf(pod)}/${name}`;
  const fail = (why: string): VolumeError =>
    new VolumeError(
      `Unable to attach or mount volumes: unmounted volumes=[${volume.name}], unattached volumes=[], failed to process volumes=[${volume.name}]: error processing PVC ${at}: ${why}`,
      true,
    );
  const claim = await objects.claim(namespaceOf(pod), name);
  if (!claim) throw fail(`failed to fetch PVC from API server: persistentvolumeclaim "${name}" not found`);
  if (volume.ephemeral && !claim.metadata?.ownerReferences?.some((ref) => ref.controller && ref.uid === uidOf(pod)))
    throw fail(`PVC ${at} was not created for pod ${namespaceOf(pod)}/${nameOf(pod)} (pod is not owner)`);
  if (claim.metadata?.deletionTimestamp !== undefined) throw fail(`can't start pod because PVC ${at} is being deleted`);
  if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) throw fail('PVC is not bound');
  const found = await objects.volume(claim.spec.volumeName);
  if (!found) throw fail(`failed to fetch PV ${claim.spec.volumeName} from API server: persistentvolumes "${claim.spec.volumeName}" not found`);
  const wrong = misbound(found, claim) ?? misused(pod, volume, found);
  if (wrong !== undefined) throw fail(wrong);
  if (found.spec?.accessModes?.includes('ReadWriteOncePod') && !take(claim.spec.volumeName))
    throw fail('volume uses the ReadWriteOncePod access mode and is already in use by another pod');
  return found;
}
function misbound({ metadata, spec }: V1PersistentVolume, claim: V1PersistentVolumeClaim): string | undefined {
  if (!spec?.claimRef) return `found PV object ${metadata?.name} but its pv.Spec.ClaimRef is nil indicating it is not yet bound to the claim`;
  const uid = claim.metadata?.uid;
  return spec.claimRef.uid === uid
    ? undefined
    : `found PV object ${metadata?.name} but its pv.Spec.ClaimRef.UID ${spec.claimRef.uid ?? ''} does not point to claim.UID ${uid}`;
}
/** Files are mounted, devices are mapped. */
function misused(pod: V1Pod, { name }: V1Volume, { spec }: V1PersistentVolume): string | undefined {
  const containers = allContainers(pod);
  if (spec?.volumeMode === 'Block')
    return containers.some((c) => c.volumeMounts?.some((m) => m.name === name))
      ? `volume ${name} has volumeMode Block, but is specified in volumeMounts`
      : undefined;
  return containers.some((c) => c.volumeDevices?.some((d) => d.name === name))
    ? `volume ${name} has volumeMode Filesystem, but is specified in volumeDevices`
    : undefined;
}

const sourceOf = (volume: V1PersistentVolume): string =>
  Object.keys(volume.spec ?? {}).find((key) => typeof (volume.spec as Record<string, unknown>)[key] === 'object' && !others.has(key)) ?? 'none';
const others = new Set(['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity']);

/** Where the files of a volume are on this node. As with kubelet, fsGroup is for local volumes and not for hostPath. */
async function locate(volume: V1PersistentVolume, context: VolumeContext): Promise<Located> {
  const { hostPath: host, local, csi, volumeMode } = volume.spec ?? {};
  const name = volume.metadata?.name ?? '';
  const fail = (why: string): VolumeError => new VolumeError(`MountVolume.SetUp failed for volume "${name}" : ${why}`, true);
  if (local) return { path: await localVolume(volume), ownership: volumeMode !== 'Block' && context.volume.persistentVolumeClaim?.readOnly !== true };
  if (csi) throw fail(`kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name ${csi.driver} not found in the list of registered CSI drivers`);
  if (!host) throw fail(`persistent volumes of type "${sourceOf(volume)}" are not supported on this node; supported are hostPath, local`);
  if (volumeMode === 'Block') throw fail('hostPath volumes are not block devices here; use a local volume');
  try {
    return { path: await hostPathSource({ type: '', ...host }), ownership: false };
  } catch (error) {
    throw fail(error instanceof Error ? error.message : String(error));
  }
}

const claimed: Omit<VolumePlugin, 'source' | 'references'> = {
  directory: 'kubernetes.io~local-volume',
  writable: true,
  ownership: true,
  persistent: true,
  async setup(context) {
    const volume = await boundVolume(context);
    return locate(volume, context);
  },
};

/** What a claim is bound to: a directory or a block device of this node. */
export const persistentVolumeClaim: VolumePlugin = {
  ...claimed,
  source: 'persistentVolumeClaim',
  references: (volume) => [`PersistentVolumeClaim/${volume.persistentVolumeClaim?.claimName}`],
};
/** The same for the claims that are made for one pod. */
export const ephemeral: VolumePlugin = { ...claimed, source: 'ephemeral', references: (volume, pod) => [`PersistentVolumeClaim/${claimName(pod, volume)}`] };

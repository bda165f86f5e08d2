import { createHash } from 'node:crypto';
import type { Informer } from '#client';
import {
  CSIDriver,
  isClaimBound,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  VolumeAttachment,
  type V1CSIDriver,
  type V1Node,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1Pod,
  type V1VolumeAttachment,
} from '#kinds';
import { isApiError } from '#machinery';
import { claimsOfPod, indexPodsByClaim } from '../claims-of-pod.ts';
import { keyFor, type Controller, type ControllerContext } from '../controller.ts';
import { isPodTerminal } from '../pods.ts';

/**
 * Attaches the CSI volumes of pods to their nodes, and detaches what no pod there needs: VolumeAttachments for the
 * drivers' attachers, and what came of them in the status of nodes. Keys are `volume/node`.
 */
export const attachDetachController: Controller = {
  name: 'attach-detach',
  component: 'attachdetach-controller',
  setup(context) {
    const controller = new AttachDetach(context);
    return (key) => controller.reconcile(key);
  },
};

/** How long a volume that a node still reports as in use is left to it, ms (maxWaitForUnmountDuration). */
const longestUnmountMs = 6 * 60_000;
const volumeIndex = 'attachments.volume';

/** The name by which CSI attachers know the attachment of a volume to a node. */
export function attachmentName(volume: V1PersistentVolume, node: string): string {
  const { driver = '', volumeHandle = '' } = volume.spec?.csi ?? {};
  return `csi-${createHash('sha256').update(`${volumeHandle}${driver}${node}`).digest('hex')}`;
}
/** As node status writes a volume. */
export const uniqueVolumeName = (volume: V1PersistentVolume): string => `kubernetes.io/csi/${volume.spec?.csi?.driver}^${volume.spec?.csi?.volumeHandle}`;

class AttachDetach {
  readonly #context: ControllerContext;
  readonly #claims: Informer<V1PersistentVolumeClaim>;
  readonly #volumes: Informer<V1PersistentVolume>;
  readonly #nodes: Informer<V1Node>;
  readonly #drivers: Informer<V1CSIDriver>;
  readonly #attachments: Informer<V1VolumeAttachment>;
  readonly #usersOf: (claim: string) => V1Pod[];
  /** Since when a volume is to be detached, ms since the epoch, by key. */
  readonly #leaving = new Map<string, number>();

  constructor(context: ControllerContext) {
    this.#context = context;
    this.#claims = context.informer(PersistentVolumeClaim);
    this.#volumes = context.informer(PersistentVolume);
    this.#drivers = context.informer(CSIDriver);
    this.#attachments = context.informer(VolumeAttachment);
    this.#attachments.addIndex(volumeIndex, ({ spec }) => [spec?.source.persistentVolumeName ?? '']);
    this.#usersOf = indexPodsByClaim(context.informer(Pod));
    this.#nodes = context.watch(Node, (node, old) => (inUse(node) === inUse(old) && node ? [] : this.#onNode((node ?? old)?.metadata?.name ?? '')));
    context.watch(Pod, (pod, old) => [pod, old].flatMap((one) => (one ? this.#keysOf(one) : [])));
    context.watch(PersistentVolumeClaim, (claim) => (claim ? this.#usersOf(keyFor(claim)).flatMap((pod) => this.#keysOf(pod)) : []));
    context.watch(VolumeAttachment, (attachment, old) => [...keysOfAttachment(attachment ?? old), ...this.#rivals(attachment ?? old)]);
  }
  /** Of the volumes that a pod on a node uses. Only CSI volumes are attached. */
  #keysOf(pod: V1Pod): string[] {
    const node = pod.spec?.nodeName;
    if (!node) return [];
    return claimsOfPod(pod).flatMap((claim) => {
      const volume = this.#volumeOf(claim);
      return volume?.spec?.csi ? [`${volume.metadata?.name}/${node}`] : [];
    });
  }
  #volumeOf(claim: string): V1PersistentVolume | undefined {
    const [namespace, name = ''] = claim.split('/');
    const found = this.#claims.get(namespace, name);
    return found && isClaimBound(found) ? this.#volumes.get(undefined, found.spec?.volumeName ?? '') : undefined;
  }
  #onNode(node: string): string[] {
    return this.#attachments
      .list()
      .filter(({ spec }) => spec?.nodeName === node)
      .flatMap(keysOfAttachment);
  }
  /** Where else the volume is wanted: a node may be waiting for this one to let go. */
  #rivals(attachment: V1VolumeAttachment | undefined): string[] {
    const volume = this.#volumes.get(undefined, attachment?.spec?.source.persistentVolumeName ?? '');
    return volume ? this.#users(volume).map((pod) => `${volume.metadata?.name}/${pod.spec?.nodeName}`) : [];
  }
  /** Pods that use the volume, by what their object says. A pod that has ended has let go. */
  #users(volume: V1PersistentVolume): V1Pod[] {
    const ref = volume.spec?.claimRef;
    return ref ? this.#usersOf(`${ref.namespace ?? ''}/${ref.name ?? ''}`).filter((pod) => pod.spec?.nodeName && !isPodTerminal(pod)) : [];
  }

  async reconcile(key: string): Promise<number | void> {
    const [volumeName = '', nodeName = ''] = key.split('/');
    const volume = this.#volumes.get(undefined, volumeName);
    if (!volume?.spec?.csi || !this.#isAttachable(volume.spec.csi.driver)) return;
    const users = this.#users(volume).filter((pod) => pod.spec?.nodeName === nodeName);
    const attachment = this.#attachments.get(undefined, attachmentName(volume, nodeName));
    if (users.length > 0) {
      this.#leaving.delete(key);
      return attachment ? this.#attached(volume, nodeName, attachment, users) : this.#attach(volume, nodeName, users);
    }
    if (attachment && attachment.metadata?.deletionTimestamp === undefined) return this.#detach(key, volume, nodeName, attachment);
    this.#leaving.delete(key);
  }
  /** A driver that nobody described is taken to need it. */
  #isAttachable(driver: string): boolean {
    return this.#drivers.get(undefined, driver)?.spec?.attachRequired !== false;
  }
  async #attach(volume: V1PersistentVolume, node: string, users: readonly V1Pod[]): Promise<number | void> {
    const name = volume.metadata?.name ?? '';
    const held = this.#heldElsewhere(volume, node);
    if (held !== undefined) {
      for (const pod of users) this.#context.recorder.event(pod, 'Warning', 'FailedAttachVolume', `Multi-Attach error for volume "${name}" ${held}`);
      return;
    }
    const spec = { attacher: volume.spec?.csi?.driver ?? '', nodeName: node, source: { persistentVolumeName: name } };
    try {
      await this.#context.api.create(VolumeAttachment, {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'VolumeAttachment',
        metadata: { name: attachmentName(volume, node) },
        spec,
      });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
  /** Why a volume for one node cannot come to this one now. */
  #heldElsewhere(volume: V1PersistentVolume, node: string): string | undefined {
    if (volume.spec?.accessModes?.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return undefined;
    const others = this.#attachments.byIndex(volumeIndex, volume.metadata?.name ?? '').filter(({ spec }) => spec?.nodeName !== node);
    if (others.length === 0) return undefined;
    const pods = this.#users(volume).filter((pod) => pod.spec?.nodeName !== node);
    if (pods.length === 0) return "Volume is already exclusively attached to one node and can't be attached to another";
    return `Volume is already used by pod(s) ${pods.map((pod) => pod.metadata?.name ?? '').join(', ')}`;
  }
  async #attached(volume: V1PersistentVolume, nodeName: string, { status }: V1VolumeAttachment, users: readonly V1Pod[]): Promise<void> {
    const name = volume.metadata?.name ?? '';
    if (!status?.attached) {
      const why = status?.attachError?.message;
      if (why !== undefined)
        for (const pod of users) this.#context.recorder.event(pod, 'Warning', 'FailedAttachVolume', `AttachVolume.Attach failed for volume "${name}" : ${why}`);
      return;
    }
    const node = this.#nodes.get(undefined, nodeName);
    const unique = uniqueVolumeName(volume);
    if (!node || node.status?.volumesAttached?.some((one) => one.name === unique)) return;
    await this.#report(node, [...(node.status?.volumesAttached ?? []), { name: unique, devicePath: '' }]);
    for (const pod of users) this.#context.recorder.event(pod, 'Normal', 'SuccessfulAttachVolume', `AttachVolume.Attach succeeded for volume "${name}" `);
  }
  /** The node hears of it first: it must not begin to use what is going. */
  async #detach(key: string, volume: V1PersistentVolume, nodeName: string, attachment: V1VolumeAttachment): Promise<number | void> {
    const node = this.#nodes.get(undefined, nodeName);
    const unique = uniqueVolumeName(volume);
    const now = this.#context.clock.now();
    const since = this.#leaving.get(key) ?? now;
    this.#leaving.set(key, since);
    const outOfService = node?.spec?.taints?.some((taint) => taint.key === 'node.kubernetes.io/out-of-service') === true;
    const left = since + longestUnmountMs - now;
    if (node?.status?.volumesInUse?.includes(unique) && !outOfService && left > 0) return left;
    if (node?.status?.volumesAttached?.some((one) => one.name === unique))
      await this.#report(
        node,
        node.status.volumesAttached.filter((one) => one.name !== unique),
      );
    await this.#context.api.delete(VolumeAttachment, { name: attachment.metadata?.name ?? '' });
  }
  async #report(node: V1Node, volumesAttached: NonNullable<V1Node['status']>['volumesAttached']): Promise<void> {
    const { volumesAttached: _old, ...status } = node.status ?? {};
    const wanted = volumesAttached?.length ? { ...status, volumesAttached } : status;
    await this.#context.api.update(Node, { ...node, status: wanted }, { subresource: 'status' });
  }
}

const inUse = (node: V1Node | undefined): string => JSON.stringify([node?.status?.volumesInUse, node?.spec?.taints?.map((taint) => taint.key)]);
function keysOfAttachment(attachment: V1VolumeAttachment | undefined): string[] {
  const { source, nodeName } = attachment?.spec ?? {};
  return source?.persistentVolumeName && nodeName ? [`${source.persistentVolumeName}/${nodeName}`] : [];
}

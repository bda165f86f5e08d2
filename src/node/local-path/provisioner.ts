import { WorkQueue, type Clock, type Logger, type Random } from '#base';
import { createRecorder, type Client, type Informer, type Recorder } from '#client';
import {
  localPathProvisioner,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  selectedNode,
  StorageClass,
  storageClassOf,
  storageProvisioner,
  type V1Node,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1StorageClass,
} from '#kinds';
import { isApiError, type KubeObject } from '#machinery';
import type { Directories } from './directories.ts';
import {
  chooseNode,
  directoryName,
  nodeAnnotation,
  ownDirectory,
  provisionerFinalizer,
  reclaim,
  unsupported,
  volumeFor,
  volumeName,
  wantsVolume,
} from './plan.ts';
import { resized } from './resize.ts';

export interface LocalPathOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  /** The files of a node; undefined for nodes that others care for. */
  directories(node: string): Directories | undefined;
}
export interface LocalPath {
  /** Takes no more work and waits for what runs. */
  stop(): Promise<void>;
}

/** Makes, grows and deletes the volumes of `batuta.dev/local-path`: directories on nodes. Starts at once. */
export function startLocalPath(options: LocalPathOptions): LocalPath {
  const provisioner = new Provisioner(options);
  void provisioner.start();
  return { stop: () => provisioner.stop() };
}

/** Index of claims that somebody has to make a volume for. */
const waiting = 'local-path.waiting';
const keyOf = ({ metadata }: KubeObject): string => (metadata?.namespace ? `${metadata.namespace}/${metadata.name}` : (metadata?.name ?? ''));

class Provisioner {
  readonly #options: LocalPathOptions;
  readonly #recorder: Recorder;
  readonly #queue: WorkQueue;
  readonly #claims: Informer<V1PersistentVolumeClaim>;
  readonly #volumes: Informer<V1PersistentVolume>;
  readonly #classes: Informer<V1StorageClass>;
  readonly #nodes: Informer<V1Node>;
  #subscriptions: { close(): void }[] = [];
  #stopped = false;

  constructor(options: LocalPathOptions) {
    const { client, clock, random, log } = options;
    this.#options = options;
    this.#recorder = createRecorder({ api: client.api, clock, random, log }, localPathProvisioner);
    this.#queue = new WorkQueue({
      clock,
      concurrency: 8,
      handle: (key) => (key.includes('/') ? this.#claim(key) : this.#volume(key)),
      backoff: { firstMs: 50, capMs: 60_000 },
      onError: (key, error) => {
        if (isApiError(error, 'Conflict') || isApiError(error, 'NotFound')) log.debug('look again', { key, error });
        else log.warn('cannot provide a volume', { key, error });
      },
    });
    this.#claims = client.informer(PersistentVolumeClaim);
    this.#claims.addIndex(waiting, (claim) => (claim.spec?.volumeName || !claim.metadata?.annotations?.[storageProvisioner] ? [] : [waiting]));
    this.#volumes = client.informer(PersistentVolume);
    this.#classes = client.informer(StorageClass);
    this.#nodes = client.informer(Node);
  }
  async start(): Promise<void> {
    await Promise.all([this.#claims.ready(), this.#volumes.ready(), this.#classes.ready(), this.#nodes.ready()]);
    if (this.#stopped) return;
    this.#subscriptions = [
      this.#claims.onChange((claim) => claim && this.#queue.add(keyOf(claim))),
      this.#volumes.onChange((volume) => volume && reclaim(volume) && this.#queue.add(keyOf(volume))),
      // Claims that found no node to be on.
      this.#nodes.onChange((node, old) => node && !old && this.#claims.byIndex(waiting, waiting).forEach((claim) => this.#queue.add(keyOf(claim)))),
    ];
  }
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const subscription of this.#subscriptions) subscription.close();
    await this.#queue.close();
    await this.#recorder.flush();
  }

  async #claim(key: string): Promise<number | void> {
    const [namespace = '', name = ''] = key.split('/');
    const claim = this.#claims.get(namespace, name);
    if (!claim) return;
    if (claim.spec?.volumeName) return this.#grow(claim);
    const cls = this.#classes.get(undefined, storageClassOf(claim));
    if (cls && wantsVolume(claim, cls) && !this.#volumes.get(undefined, volumeName(claim))) return this.#provision(claim, cls);
  }
  async #provision(claim: V1PersistentVolumeClaim, cls: V1StorageClass): Promise<number | void> {
    const failed = (why: string): void =>
      this.#recorder.event(claim, 'Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass "${cls.metadata?.name}": ${why}`);
    const wrong = unsupported(claim, cls);
    if (wrong !== undefined) return failed(wrong);
    const chosen = claim.metadata?.annotations?.[selectedNode];
    const node = chosen === undefined ? chooseNode(this.#nodes.list(), this.#volumes.list(), cls) : this.#nodes.get(undefined, chosen);
    if (!node) {
      failed(chosen === undefined ? 'no node is ready' : `failed to get target node: node "${chosen}" not found`);
      return chosen === undefined ? 5000 : this.#reschedule(claim);
    }
    const nodeName = node.metadata?.name ?? '';
    const directories = this.#options.directories(nodeName);
    if (!directories) return;
    this.#recorder.event(claim, 'Normal', 'Provisioning', `External provisioner is provisioning volume for claim "${keyOf(claim)}"`);
    try {
      const path = await directories.make(nodeName, directoryName(claim));
      await this.#create(volumeFor(claim, cls, node, path));
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
      throw error;
    }
    this.#recorder.event(claim, 'Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volumeName(claim)}`);
  }
  /** The scheduler chooses again: the node is gone. */
  async #reschedule(claim: V1PersistentVolumeClaim): Promise<void> {
    const { [selectedNode]: _node, ...annotations } = claim.metadata?.annotations ?? {};
    await this.#options.client.api.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, annotations } });
  }
  async #create(volume: V1PersistentVolume): Promise<void> {
    try {
      await this.#options.client.api.create(PersistentVolume, volume);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }

  async #grow(claim: V1PersistentVolumeClaim): Promise<void> {
    const volume = this.#volumes.get(undefined, claim.spec?.volumeName ?? '');
    const wanted = volume && ownDirectory(volume) !== undefined ? resized(claim, volume) : undefined;
    if (!volume || !wanted) return;
    const { api } = this.#options.client;
    const name = volume.metadata?.name ?? '';
    this.#recorder.event(claim, 'Normal', 'Resizing', `External resizer is resizing volume ${name}`);
    if (wanted.volume !== volume) await api.update(PersistentVolume, wanted.volume);
    await api.update(PersistentVolumeClaim, wanted.claim, { subresource: 'status' });
    this.#recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
  }

  /**
   * First the deletion, then the directory, then the finalizer: a volume never looks whole without its directory. What
   * the cache says is checked with the API before anything is lost: the policy may have changed.
   */
  async #volume(name: string): Promise<void> {
    const volume = this.#volumes.get(undefined, name);
    const wish = volume && reclaim(volume);
    if (!volume || !wish) return;
    const node = volume.metadata?.annotations?.[nodeAnnotation] ?? '';
    const directories = this.#options.directories(node);
    if (!directories) return;
    const directory = ownDirectory(volume);
    if (wish === 'delete' && directory === undefined) {
      const why = `${volume.spec?.local?.path ?? 'it'} is no directory that ${localPathProvisioner} made for this volume`;
      return this.#recorder.event(volume, 'Warning', 'VolumeFailedDelete', why);
    }
    const present = await this.#delete(volume);
    if (present && (present.metadata?.uid !== volume.metadata?.uid || reclaim(present) !== wish)) return;
    if (wish === 'delete') await this.#removeDirectory(volume, () => directories.remove(node, directory ?? ''));
    if (present) await this.#letGo(present);
  }
  /** The volume as it is once its deletion has begun; undefined when nothing held it. */
  async #delete(volume: V1PersistentVolume): Promise<V1PersistentVolume | undefined> {
    const { api } = this.#options.client;
    const { name = '', uid = '', resourceVersion = '', deletionTimestamp } = volume.metadata ?? {};
    try {
      if (deletionTimestamp === undefined) await api.delete(PersistentVolume, { name }, { preconditions: { uid, resourceVersion } });
      return await api.get(PersistentVolume, { name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  async #removeDirectory(volume: V1PersistentVolume, remove: () => Promise<void>): Promise<void> {
    try {
      await remove();
    } catch (error) {
      this.#recorder.event(volume, 'Warning', 'VolumeFailedDelete', error instanceof Error ? error.message : String(error));
      throw error;
    }
  }
  async #letGo(volume: V1PersistentVolume): Promise<void> {
    const finalizers = (volume.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== provisionerFinalizer);
    if (finalizers.length === volume.metadata?.finalizers?.length) return;
    try {
      await this.#options.client.api.update(PersistentVolume, { ...volume, metadata: { ...volume.metadata, finalizers } });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}

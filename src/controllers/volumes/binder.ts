import { isDeepStrictEqual } from 'node:util';
import { formatTime } from '#base';
import type { Informer } from '#client';
import {
  betaStorageProvisioner,
  bindCompleted,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
  storageClassOf,
  storageProvisioner,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
} from '#kinds';
import { isApiError, type KubeObject } from '#machinery';
import { indexPodsByClaim } from '../claims-of-pod.ts';
import { keyFor, ownKey, splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { boundClaim, boundStatus, boundVolume, planClaim, planVolume, unboundVolume, type Note, type StorageView } from './plan.ts';

/** Binds claims and volumes. Keys are claims (`namespace/name`) and volumes (`name`). */
export const volumeBinderController: Controller = {
  name: 'persistentvolume-binder',
  component: 'persistentvolume-controller',
  setup(context) {
    const binder = new Binder(context);
    return (key) => (key.includes('/') ? binder.claim(key) : binder.volume(key));
  },
};

const claimKey = (volume: V1PersistentVolume | undefined): string | undefined => {
  const ref = volume?.spec?.claimRef;
  return ref ? `${ref.namespace ?? ''}/${ref.name ?? ''}` : undefined;
};
const indexes = { pending: 'binder.pending', named: 'binder.named', free: 'binder.free', reserved: 'binder.reserved' } as const;

class Binder {
  readonly #context: ControllerContext;
  readonly #view: StorageView;
  readonly #claims: Informer<V1PersistentVolumeClaim>;
  readonly #volumes: Informer<V1PersistentVolume>;
  /** Volumes that are being given to a claim right now, before the cache shows it. */
  readonly #promised = new Map<string, string>();

  constructor(context: ControllerContext) {
    this.#context = context;
    const claims = context.informer(PersistentVolumeClaim);
    const volumes = context.informer(PersistentVolume);
    claims.addIndex(indexes.pending, (claim) => (claim.metadata?.annotations?.[bindCompleted] === undefined ? [storageClassOf(claim)] : []));
    claims.addIndex(indexes.named, (claim) => (claim.spec?.volumeName ? [claim.spec.volumeName] : []));
    volumes.addIndex(indexes.free, (volume) => (volume.spec?.claimRef ? [] : [storageClassOf(volume)]));
    volumes.addIndex(indexes.reserved, (volume) => [claimKey(volume) ?? []].flat());
    this.#claims = claims;
    this.#volumes = volumes;
    context.watch(PersistentVolumeClaim, (claim, old) => [...ownKey(claim, old), ...(!claim && old?.spec?.volumeName ? [old.spec.volumeName] : [])]);
    context.watch(PersistentVolume, (volume, old) => [...ownKey(volume, old), ...this.#concerned(volume, old)]);
    const classes = context.watch(StorageClass, (cls) => (cls ? [...this.#waiting(cls.metadata?.name ?? ''), ...this.#waiting('')] : []));
    const usersOf = indexPodsByClaim(context.informer(Pod));
    this.#view = {
      volume: (name) => volumes.get(undefined, name),
      storageClass: (name) => classes.get(undefined, name),
      storageClasses: () => classes.list(),
      candidates: (claim) => this.#candidates(claim),
      users: (claim) => usersOf(keyFor(claim)),
    };
  }
  #candidates(claim: V1PersistentVolumeClaim): V1PersistentVolume[] {
    const key = keyFor(claim);
    const free = this.#volumes.byIndex(indexes.free, storageClassOf(claim));
    const others = free.filter((volume) => (this.#promised.get(volume.metadata?.name ?? '') ?? key) === key);
    return [...this.#volumes.byIndex(indexes.reserved, key), ...others];
  }
  #waiting(storageClass: string): string[] {
    return this.#claims.byIndex(indexes.pending, storageClass).map(keyFor);
  }
  /** Claims that a change of a volume may help or harm. */
  #concerned(volume: V1PersistentVolume | undefined, old: V1PersistentVolume | undefined): string[] {
    const keys = new Set([claimKey(volume), claimKey(old)].filter((key) => key !== undefined));
    for (const claim of this.#claims.byIndex(indexes.named, (volume ?? old)?.metadata?.name ?? '')) keys.add(keyFor(claim));
    if (volume && !volume.spec?.claimRef) for (const key of this.#waiting(storageClassOf(volume))) keys.add(key);
    return [...keys];
  }

  async claim(key: string): Promise<void> {
    const { namespace, name } = splitKey(key);
    const claim = this.#claims.get(namespace, name);
    if (!claim) return;
    const plan = planClaim(claim, this.#view);
    switch (plan.do) {
      case 'bind':
        return this.#bind(claim, plan.volume);
      case 'wait':
        return this.#tell(claim, plan.note);
      case 'lose':
        return this.#lose(claim, plan.note);
      case 'assign':
        return void (await this.#context.api.update(PersistentVolumeClaim, { ...claim, spec: { ...claim.spec, storageClassName: plan.storageClass } }));
      case 'provision':
        await this.#askProvisioner(claim, plan.provisioner);
        return this.#tell(claim, plan.note);
    }
  }
  async #bind(claim: V1PersistentVolumeClaim, volume: V1PersistentVolume): Promise<void> {
    const name = volume.metadata?.name ?? '';
    this.#promised.set(name, keyFor(claim));
    try {
      const { api } = this.#context;
      const wanted = boundVolume(volume, claim);
      const mine = wanted === volume ? volume : await api.update(PersistentVolume, wanted);
      await this.#setPhase(mine, 'Bound');
      const chosen = boundClaim(claim, mine);
      const written = chosen === claim ? claim : await api.update(PersistentVolumeClaim, chosen);
      const status = boundStatus(written, mine);
      if (!isDeepStrictEqual(status, written.status)) await api.update(PersistentVolumeClaim, { ...written, status }, { subresource: 'status' });
    } finally {
      this.#promised.delete(name);
    }
  }
  async #lose(claim: V1PersistentVolumeClaim, note: Note): Promise<void> {
    if (claim.status?.phase === 'Lost') return;
    const { accessModes: _modes, capacity: _capacity, ...rest } = claim.status ?? {};
    await this.#context.api.update(PersistentVolumeClaim, { ...claim, status: { ...rest, phase: 'Lost' } }, { subresource: 'status' });
    this.#tell(claim, note);
  }
  async #askProvisioner(claim: V1PersistentVolumeClaim, provisioner: string): Promise<void> {
    const present = claim.metadata?.annotations;
    if (present?.[storageProvisioner] === provisioner && present[betaStorageProvisioner] === provisioner) return;
    const annotations = { ...present, [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner };
    await this.#context.api.update(PersistentVolumeClaim, { ...claim, metadata: { ...claim.metadata, annotations } });
  }

  async volume(name: string): Promise<void> {
    const volume = this.#volumes.get(undefined, name);
    if (!volume) return;
    const claim = await this.#claimOf(volume);
    const plan = planVolume(volume, claim);
    switch (plan.do) {
      case 'phase':
        return this.#setPhase(volume, plan.phase);
      case 'claim':
        return this.#context.enqueue(claimKey(volume) ?? '');
      case 'mismatch':
        this.#tell(volume, plan.note);
        return claim && this.#tell(claim, plan.claimNote);
      case 'unbind':
        return this.#setPhase(await this.#context.api.update(PersistentVolume, unboundVolume(volume)), 'Available');
      case 'release':
        return this.#release(volume, plan.note);
    }
  }
  /** A claim that the cache has not is asked for: data is lost when a volume is released too soon. */
  async #claimOf(volume: V1PersistentVolume): Promise<V1PersistentVolumeClaim | undefined> {
    const ref = volume.spec?.claimRef;
    if (!ref?.uid) return undefined;
    const { namespace = '', name = '', uid } = ref;
    const cached = this.#claims.get(namespace, name);
    if (cached?.metadata?.uid === uid || volume.status?.phase === 'Released' || volume.status?.phase === 'Failed') return cached;
    try {
      return await this.#context.api.get(PersistentVolumeClaim, { namespace, name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
  async #release(volume: V1PersistentVolume, note: Note | undefined): Promise<void> {
    if (volume.status?.phase === 'Failed') return;
    await this.#setPhase(volume, note ? 'Failed' : 'Released', note);
    if (note) this.#tell(volume, note);
  }
  async #setPhase(volume: V1PersistentVolume, phase: string, note?: Note): Promise<void> {
    if (volume.status?.phase === phase) return;
    const status = { phase, lastPhaseTransitionTime: formatTime(this.#context.clock.now()), ...(note ? { message: note.message } : {}) };
    await this.#context.api.update(PersistentVolume, { ...volume, status }, { subresource: 'status' });
  }
  #tell(object: KubeObject, note: Note | undefined): void {
    if (note) this.#context.recorder.event(object, note.type, note.reason, note.message);
  }
}

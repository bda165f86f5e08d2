import { quantityToNumber } from '#base';
import type { Informer } from '#client';
import {
  bindCompleted,
  boundByController,
  CSIDriver,
  CSIStorageCapacity,
  findVolume,
  hasAnnotation,
  isBoundTo,
  PersistentVolume,
  PersistentVolumeClaim,
  selectedNode,
  StorageClass,
  storageClassOf,
  type V1CSIDriver,
  type V1CSIStorageCapacity,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1StorageClass,
} from '#kinds';
import type { Api, Kind } from '#machinery';
import type { NodeInfo } from '../node-info.ts';
import { reject, Refusal, type ClusterEvent, type FilterPlugin, type Plugin, type PluginContext, type PluginDefinition, type Rejection } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { Assumed } from '../volumes/assumed.ts';
import { canProvision, hasRoom } from '../volumes/capacity.ts';
import { hasClaims, isOwnClaim, PodClaims } from '../volumes/pod-claims.ts';
import { wantedVolumes, type WantedVolumes } from '../volumes/wanted.ts';
import { VolumeWaiter } from '../volumes/waiter.ts';

const conflict = reject('node(s) had volume node affinity conflict', true);
const nothingToBind = reject("node(s) didn't find available persistent volumes to bind", true);
const missing = reject('node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)', true);
const noRoom = reject('node(s) did not have enough free storage', true);

const advice: ReadonlyMap<Rejection, string> = new Map([
  [conflict, 'a volume of the pod can be used on other nodes only'],
  [nothingToBind, 'make a volume that fits the claim and can be used here, or give the claim a StorageClass that makes volumes'],
]);

/** Bound volumes must be usable on the node; claims that wait for their first pod must find a volume, or one must be possible to make there. */
export const volumeBinding: PluginDefinition = { name: 'VolumeBinding', create: (context) => new VolumeBinding(context) };

/** For each claim that waits: the volume it gets on a node, or undefined where one is to be made. */
type Choices = readonly { claim: V1PersistentVolumeClaim; volume: V1PersistentVolume | undefined }[];

const keyOf = ({ metadata }: V1PersistentVolumeClaim): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
const sizeOf = (claim: V1PersistentVolumeClaim): string => claim.spec?.resources?.requests?.['storage'] ?? '0';
const forIndex = 'scheduler.for';
/** The claim that a volume names, or the class of a free one. */
const forWhom = (volume: V1PersistentVolume): string => {
  const ref = volume.spec?.claimRef;
  return ref ? `claim ${ref.namespace ?? ''}/${ref.name ?? ''}` : `class ${storageClassOf(volume)}`;
};

class VolumeBinding implements Plugin {
  readonly name = 'VolumeBinding';
  readonly watches = [PersistentVolumeClaim, PersistentVolume, StorageClass, CSIDriver, CSIStorageCapacity] as unknown as readonly Kind[];
  readonly filter: FilterPlugin;
  readonly #api: Api;
  readonly #pods: PodClaims;
  readonly #classes: Informer<V1StorageClass>;
  readonly #drivers: Informer<V1CSIDriver>;
  readonly #capacities: Informer<V1CSIStorageCapacity>;
  readonly #assumed = new Assumed();
  readonly #reserved = new Map<string, Choices>();
  readonly #waiter: VolumeWaiter;

  constructor(context: PluginContext) {
    this.#api = context.api;
    this.#pods = new PodClaims(context);
    this.#pods.volumes.addIndex(forIndex, (volume) => [forWhom(volume)]);
    this.#classes = context.informer(StorageClass);
    this.#drivers = context.informer(CSIDriver);
    this.#capacities = context.informer(CSIStorageCapacity);
    this.#waiter = new VolumeWaiter(context.clock, this.#pods);
    this.filter = {
      name: this.name,
      applies: hasClaims,
      prepare: (pod) => this.#wanted(pod),
      filter: (_pod, node, facts) => this.#fits(facts as WantedVolumes, node),
      unstuckBy,
      advice: (_pod, _node, rejection) => advice.get(rejection),
    };
  }
  #wanted(pod: PodInfo): WantedVolumes | Refusal {
    return wantedVolumes(pod, {
      claim: (name) => this.#pods.claims.get(pod.namespace, name),
      volume: (name) => this.#pods.volumes.get(undefined, name),
      storageClass: (claim) => this.#classOf(claim),
      size: (claim) => quantityToNumber(sizeOf(claim)),
    });
  }
  #classOf(claim: V1PersistentVolumeClaim): V1StorageClass | undefined {
    return this.#classes.get(undefined, storageClassOf(claim));
  }

  #fits(wanted: WantedVolumes, node: NodeInfo): Rejection | undefined {
    if (wanted.missing) return missing;
    for (const usable of wanted.bound) if (!usable(node)) return conflict;
    if (wanted.delayed.length === 0) return undefined;
    const choices = this.#choose(wanted.delayed, node);
    return 'reasons' in choices ? choices : undefined;
  }
  #choose(claims: readonly V1PersistentVolumeClaim[], node: NodeInfo): Choices | Rejection {
    const choices: { claim: V1PersistentVolumeClaim; volume: V1PersistentVolume | undefined }[] = [];
    const chosen = new Set<string>();
    for (const claim of claims) {
      const key = keyOf(claim);
      const decided = claim.metadata?.annotations?.[selectedNode] ?? this.#assumed.nodeOf(key);
      if (decided !== undefined && decided !== node.name) return nothingToBind;
      const volume = decided === undefined ? this.#find(claim, node, chosen) : undefined;
      if (volume) chosen.add(volume.metadata?.name ?? '');
      else {
        const cls = this.#classOf(claim);
        if (!cls || !canProvision(cls, node.labels)) return nothingToBind;
        const tells = this.#drivers.get(undefined, cls.provisioner)?.spec?.storageCapacity === true;
        if (tells && !hasRoom(cls, this.#capacities.list(), node.labels, sizeOf(claim))) return noRoom;
      }
      choices.push({ claim, volume });
    }
    return choices;
  }
  #find(claim: V1PersistentVolumeClaim, node: NodeInfo, chosen: ReadonlySet<string>): V1PersistentVolume | undefined {
    const free = this.#pods.volumes.byIndex(forIndex, `class ${storageClassOf(claim)}`);
    const reserved = this.#pods.volumes.byIndex(forIndex, `claim ${keyOf(claim)}`);
    if (free.length === 0 && reserved.length === 0) return undefined;
    return findVolume(claim, [...reserved, ...free], { node, delayed: true, taken: new Set([...this.#assumed.taken(keyOf(claim)), ...chosen]) });
  }

  readonly reserve = (pod: PodInfo, node: NodeInfo): string | undefined => {
    if (!hasClaims(pod)) return undefined;
    const wanted = this.#wanted(pod);
    if (wanted instanceof Refusal) return wanted.rejection.reasons[0];
    const choices = this.#choose(wanted.delayed, node);
    if ('reasons' in choices) return choices.reasons[0];
    for (const { claim, volume } of choices) {
      if (volume) this.#assumed.promise(volume.metadata?.name ?? '', keyOf(claim), pod.uid);
      else this.#assumed.chooseNode(keyOf(claim), node.name, pod.uid);
    }
    if (choices.length > 0) this.#reserved.set(pod.uid, choices);
    return undefined;
  };
  readonly unreserve = (pod: PodInfo): void => this.#forget(pod);
  #forget(pod: PodInfo): void {
    if (this.#reserved.delete(pod.uid)) this.#assumed.release(pod.uid);
  }

  readonly preBind = (pod: PodInfo, node: NodeInfo, signal: AbortSignal): Promise<void> | undefined => {
    const choices = this.#reserved.get(pod.uid);
    return choices && this.#bind(pod, node, choices, signal);
  };
  async #bind(pod: PodInfo, node: NodeInfo, choices: Choices, signal: AbortSignal): Promise<void> {
    for (const { claim, volume } of choices) await (volume ? this.#give(volume, claim) : this.#ask(claim, node));
    await this.#waiter.bound(
      pod,
      choices.map(({ claim }) => claim),
      node.name,
      signal,
    );
    this.#forget(pod);
  }
  /** The binder does the rest. */
  async #give(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): Promise<void> {
    if (volume.spec?.claimRef?.uid) return;
    const { namespace = '', name = '', uid = '', resourceVersion = '' } = claim.metadata ?? {};
    const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
    const annotations = isBoundTo(volume, claim) ? volume.metadata?.annotations : { ...volume.metadata?.annotations, [boundByController]: 'yes' };
    await this.#api.update(PersistentVolume, {
      ...volume,
      metadata: { ...volume.metadata, ...(annotations ? { annotations } : {}) },
      spec: { ...volume.spec, claimRef },
    });
  }
  /** Whoever serves the class makes a volume for that node. */
  async #ask(claim: V1PersistentVolumeClaim, node: NodeInfo): Promise<void> {
    const now = this.#pods.claims.get(claim.metadata?.namespace, claim.metadata?.name ?? '') ?? claim;
    const chosen = now.metadata?.annotations?.[selectedNode];
    if (chosen === node.name || hasAnnotation(now, bindCompleted)) return;
    if (chosen !== undefined) throw new Error(`a volume for PVC "${now.metadata?.name}" is being made for node "${chosen}"`);
    const annotations = { ...now.metadata?.annotations, [selectedNode]: node.name };
    await this.#api.update(PersistentVolumeClaim, { ...now, metadata: { ...now.metadata, annotations } });
  }
}

function unstuckBy(event: ClusterEvent, pod: PodInfo): boolean {
  if (event.type === 'ObjectChanged') return event.kind === 'PersistentVolumeClaim' ? isOwnClaim(event, pod) : event.object !== undefined;
  return event.type === 'NodeAdded' || (event.type === 'NodeChanged' && event.change.labels);
}

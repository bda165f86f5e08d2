import type { Clock, Random } from '#base';
import type { V1Pod, V1Volume } from '#kinds';
import type { Api } from '#machinery';
import type { PodFacts } from '../env.ts';
import type { ObjectSource } from '../objects.ts';

/** The volume cannot be made (FailedMount). `whole`: the text says already which volume. */
export class VolumeError extends Error {
  readonly whole: boolean;
  constructor(message: string, whole = false) {
    super(message);
    this.name = 'VolumeError';
    this.whole = whole;
  }
}

export interface VolumeContext {
  pod: V1Pod;
  volume: V1Volume;
  /** Directory of this volume; made by the plugin. */
  dir: string;
  clock: Clock;
  random: Random;
  api: Api;
  objects: ObjectSource;
  facts: PodFacts;
  mounts: Mounter;
  /** Takes a persistent volume for this pod alone; false when another pod of the node has it. */
  take(volume: string): boolean;
}

export interface FileContent {
  data: Buffer;
  /** Permission bits. */
  mode: number;
  /** Owner, when it is not root. */
  uid?: number;
}
/** Files by their path below the volume. */
export type Payload = Map<string, FileContent>;

/** Mounts of the host. Handed in, so that tests need no root. */
export interface Mounter {
  tmpfs(dir: string, sizeBytes: number | undefined): Promise<void>;
  unmount(dir: string): Promise<void>;
  /** Mount points below (or at) a directory, deepest first. */
  below(dir: string): Promise<string[]>;
}

/** A path, and whether fsGroup applies to this one. */
export interface Located {
  path: string;
  ownership: boolean;
}

/** A type of volume: one file each. `source` is the field of V1Volume that selects it. */
export interface VolumePlugin {
  source: keyof V1Volume;
  /** Directory name below `volumes/`, as kubelet calls it. */
  directory: string;
  /** Makes the volume (idempotent) and gives the path that containers get. */
  setup?(context: VolumeContext): Promise<string | Located>;
  /** Or: the files that it holds, written atomically and again when they change. */
  payload?(context: VolumeContext): Promise<{ files: Payload; refreshAt?: number }>;
  /** ConfigMaps, Secrets and claims that it is made of, as `ConfigMap/name`. */
  references?(volume: V1Volume, pod: V1Pod): string[];
  /** How much the volume may hold on disk, as a quantity; a pod that uses more is evicted. */
  sizeLimit?(volume: V1Volume): string | undefined;
  /** Containers may write (fsGroup gives rw). */
  writable: boolean;
  /** Outlives its pods: fsGroup is given anew to each, as the pod's policy says. */
  persistent?: boolean;
  /** fsGroup applies. */
  ownership: boolean;
}

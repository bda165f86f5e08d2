import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Random } from '#base';
import type { V1Pod, V1Volume, V1VolumeMount } from '#kinds';
import type { Api } from '#machinery';
import type { PodFacts } from '../env.ts';
import type { ObjectSource } from '../objects.ts';
import { allContainers, uidOf } from '../pod.ts';
import type { Mount } from '../runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { ephemeral, persistentVolumeClaim } from './claim.ts';
import { configMap } from './config-map.ts';
import { downwardAPI } from './downward-api.ts';
import { emptyDir } from './empty-dir.ts';
import { Holds } from './holds.ts';
import { hostPath } from './host-path.ts';
import { hostMounter } from './mounter.ts';
import { setOwnership } from './ownership.ts';
import { VolumeError, type Mounter, type VolumeContext, type VolumePlugin } from './plugin.ts';
import { diskUsage } from './disk-usage.ts';
import { createProjected } from './projected.ts';
import { secret } from './secret.ts';
import { resolveSubPath } from './subpath.ts';

export interface PodVolumes {
  /** Paths on the host by volume name. */
  paths: Map<string, string>;
  /** When to call setup again though nothing changed (tokens), ms since the epoch. */
  refreshAt?: number;
}

export interface VolumeManager {
  /** Makes every volume of the pod, or brings it up to date. Idempotent. Rejects with VolumeError whose message names the volume. */
  setup(pod: V1Pod, facts: PodFacts): Promise<PodVolumes>;
  /** Unmounts and deletes everything of the pod. */
  teardown(podUid: string): Promise<void>;
  /** Unmounts what the pod mounted and keeps its files, for when the node comes back. */
  unmount(podUid: string): Promise<void>;
  /** ConfigMaps, Secrets and claims that the pod mounts, as `ConfigMap/name`. */
  references(pod: V1Pod): string[];
  /** Names of the volumes that no container may write to, whatever its mount says. */
  readOnly(pod: V1Pod): Set<string>;
  /** Bytes that each volume with a size limit uses on disk, with the limit as written. */
  limited(pod: V1Pod): Promise<{ name: string; limit: string; usedBytes: number }[]>;
  /** Where the pod's files are. */
  podDir(podUid: string): string;
}

export interface VolumeDeps {
  /** Root of the pods' directories. */
  dataDir: string;
  clock: Clock;
  random: Random;
  api: Api;
  objects: ObjectSource;
  mounts: Mounter;
}

export function createVolumeManager(deps: VolumeDeps): VolumeManager {
  const projected = createProjected();
  const plugins: readonly VolumePlugin[] = [emptyDir, hostPath, configMap, secret, downwardAPI, projected, persistentVolumeClaim, ephemeral];
  const holds = new Holds();
  const podDir = (uid: string): string => join(deps.dataDir, 'pods', uid);
  return {
    podDir,
    async setup(pod, facts) {
      const used = new Set(allContainers(pod).flatMap((c) => [...(c.volumeMounts ?? []), ...(c.volumeDevices ?? [])].map((m) => m.name)));
      const paths = new Map<string, string>();
      let refreshAt: number | undefined;
      await mkdir(join(podDir(uidOf(pod)), 'volumes'), { recursive: true });
      const made = (pod.spec?.volumes ?? []).map(async (volume) => {
        if (!used.has(volume.name)) return;
        const known = holds.path(uidOf(pod), volume.name);
        if (known !== undefined) return void paths.set(volume.name, known);
        try {
          const plugin = pluginFor(plugins, volume);
          const dir = join(podDir(uidOf(pod)), 'volumes', plugin.directory, volume.name);
          const result = await setupOne(plugin, { pod, volume, dir, facts, ...deps, take: (name) => holds.take(uidOf(pod), name) });
          paths.set(volume.name, result.path);
          if (plugin.persistent) holds.keep(uidOf(pod), volume.name, result.path);
          if (result.refreshAt !== undefined) refreshAt = Math.min(refreshAt ?? Infinity, result.refreshAt);
        } catch (error) {
          if (error instanceof VolumeError && error.whole) throw error;
          throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${error instanceof Error ? error.message : String(error)}`);
        }
      });
      for (const result of await Promise.allSettled(made)) if (result.status === 'rejected') throw result.reason;
      return { paths, ...(refreshAt === undefined ? {} : { refreshAt }) };
    },
    unmount: (podUid) => unmountBelow(podDir(podUid), deps.mounts),
    async teardown(podUid) {
      projected.forget(podUid);
      holds.release(podUid);
      await unmountBelow(podDir(podUid), deps.mounts);
      await rm(podDir(podUid), { recursive: true, force: true });
    },
    readOnly(pod) {
      const fixed = (volume: V1Volume): boolean =>
        volume.persistentVolumeClaim?.readOnly === true || plugins.some((p) => volume[p.source] !== undefined && !p.writable);
      return new Set((pod.spec?.volumes ?? []).filter(fixed).map((volume) => volume.name));
    },
    async limited(pod) {
      const out: { name: string; limit: string; usedBytes: number }[] = [];
      for (const volume of pod.spec?.volumes ?? []) {
        const plugin = plugins.find((p) => volume[p.source] !== undefined);
        const limit = plugin?.sizeLimit?.(volume);
        if (plugin && limit !== undefined)
          out.push({ name: volume.name, limit, usedBytes: await diskUsage(join(podDir(uidOf(pod)), 'volumes', plugin.directory, volume.name)) });
      }
      return out;
    },
    references(pod) {
      return (pod.spec?.volumes ?? []).flatMap((volume) => plugins.find((p) => volume[p.source] !== undefined)?.references?.(volume, pod) ?? []);
    },
  };
}

async function unmountBelow(dir: string, mounts: Mounter): Promise<void> {
  for (const point of await mounts.below(dir)) await mounts.unmount(point);
}

/** Unmounts whatever pods left mounted below a directory (all nodes of an instance); the files stay. For `down` after a crash. */
export const removePodVolumes = (root: string): Promise<void> => unmountBelow(root, hostMounter);

function pluginFor(plugins: readonly VolumePlugin[], volume: V1Volume): VolumePlugin {
  const plugin = plugins.find((p) => volume[p.source] !== undefined);
  if (plugin) return plugin;
  const type = Object.keys(volume).find((key) => key !== 'name');
  if (type === undefined) return emptyDir;
  throw new VolumeError(`volume type "${type}" is not supported on this node; supported are ${plugins.map((p) => p.source).join(', ')}`);
}

async function setupOne(plugin: VolumePlugin, context: VolumeContext): Promise<{ path: string; refreshAt?: number }> {
  const gid = context.pod.spec?.securityContext?.fsGroup;
  let path = context.dir;
  let refreshAt: number | undefined;
  let changed = true;
  let { ownership } = plugin;
  if (plugin.setup) {
    const made = await plugin.setup(context);
    if (typeof made === 'string') path = made;
    else ({ path, ownership } = made);
  } else if (plugin.payload) {
    const payload = await plugin.payload(context);
    refreshAt = payload.refreshAt;
    changed = await writeAtomically(context.dir, payload.files, context);
  }
  const lazily = context.pod.spec?.securityContext?.fsGroupChangePolicy === 'OnRootMismatch' || !plugin.persistent;
  if (gid !== undefined && ownership && changed) await setOwnership(path, gid, plugin.writable, plugin.writable && lazily);
  return { path, ...(refreshAt === undefined ? {} : { refreshAt }) };
}

const propagation: Record<string, Mount['propagation']> = { HostToContainer: 'host-to-container', Bidirectional: 'bidirectional' };

/** The mounts of one container. `expand` replaces $(VAR) of subPathExpr; `readOnly` names volumes that are never writable. Rejects with VolumeError. */
export async function containerMounts(
  mounts: readonly V1VolumeMount[],
  paths: ReadonlyMap<string, string>,
  expand: (text: string) => string,
  readOnly: ReadonlySet<string>,
): Promise<Mount[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      const path = paths.get(mount.name);
      if (path === undefined) throw new VolumeError(`volume "${mount.name}" of mount ${mount.mountPath} does not exist`);
      if (mount.recursiveReadOnly === 'Enabled')
        throw new VolumeError(`volume "${mount.name}" requested recursive read-only mode, but it is not supported by the runtime`);
      const subPath = mount.subPathExpr ? expand(mount.subPathExpr) : (mount.subPath ?? '');
      if (mount.subPathExpr && /\$\([^)]*\)/.test(subPath))
        throw new VolumeError(`missing value for ${/\$\(([^)]*)\)/.exec(subPath)?.[1]} in subPathExpr "${mount.subPathExpr}"`);
      return {
        containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
        hostPath: subPath ? await resolveSubPath(path, subPath) : path,
        readOnly: mount.readOnly === true || readOnly.has(mount.name),
        propagation: propagation[mount.mountPropagation ?? ''] ?? 'private',
      };
    }),
  );
}

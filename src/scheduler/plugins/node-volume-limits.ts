import { CSINode, PersistentVolume, PersistentVolumeClaim, VolumeAttachment, type V1CSINode } from '#kinds';
import type { Kind } from '#machinery';
import type { NodeInfo } from '../node-info.ts';
import { reject, type PluginContext, type PluginDefinition } from '../plugin.ts';
import type { PodInfo } from '../pod-info.ts';
import { claimNames, hasClaims, isOwnClaim, PodClaims } from '../volumes/pod-claims.ts';

const rejected = reject('node(s) exceed max volume count');
/** Driver to the volumes of it, each once. */
type Volumes = Map<string, Set<string>>;

/** A CSI driver says how many of its volumes a node takes (CSINode spec.drivers[].allocatable.count). */
export const nodeVolumeLimits: PluginDefinition = { name: 'NodeVolumeLimits', create: (context) => create(context) };

function create(context: PluginContext): ReturnType<PluginDefinition['create']> {
  const pods = new PodClaims(context);
  const nodes = context.informer(CSINode);
  const attachments = context.informer(VolumeAttachment);
  attachments.addIndex('scheduler.node', ({ spec }) => [spec?.nodeName ?? '']);
  const addPod = (volumes: Volumes, pod: PodInfo): void => {
    for (const claim of pods.of(pod)) {
      const csi = pods.volumeOf(claim)?.spec?.csi;
      if (csi) add(volumes, csi.driver, csi.volumeHandle);
    }
  };
  const used = (node: NodeInfo): Volumes => {
    const volumes: Volumes = new Map();
    for (const pod of node.pods.values()) if (hasClaims(pod)) addPod(volumes, pod);
    for (const { spec } of attachments.byIndex('scheduler.node', node.name)) {
      const csi = pods.volumes.get(undefined, spec?.source.persistentVolumeName ?? '')?.spec?.csi;
      if (csi) add(volumes, csi.driver, csi.volumeHandle);
    }
    return volumes;
  };
  return {
    name: 'NodeVolumeLimits',
    watches: [CSINode, PersistentVolume, PersistentVolumeClaim, VolumeAttachment] as unknown as readonly Kind[],
    filter: {
      name: 'NodeVolumeLimits',
      applies: hasClaims,
      prepare(pod) {
        const wanted: Volumes = new Map();
        addPod(wanted, pod);
        return wanted.size > 0 ? wanted : undefined;
      },
      filter(_pod, node, facts) {
        const limits = limitsOf(nodes.get(undefined, node.name));
        const wanted = facts as Volumes;
        if (![...wanted.keys()].some((driver) => limits.has(driver))) return undefined;
        const present = used(node);
        for (const [driver, handles] of wanted) {
          const limit = limits.get(driver);
          const all = new Set([...handles, ...(present.get(driver) ?? [])]);
          if (limit !== undefined && all.size > limit && all.size > (present.get(driver)?.size ?? 0)) return rejected;
        }
        return undefined;
      },
      unstuckBy(event, pod) {
        if (event.type === 'ObjectChanged') return event.kind === 'PersistentVolumeClaim' ? isOwnClaim(event, pod) : true;
        return event.type === 'NodeAdded' || (event.type === 'PodRemoved' && claimNames(event.pod).length > 0);
      },
    },
  };
}
function add(volumes: Volumes, driver: string, handle: string): void {
  const handles = volumes.get(driver);
  if (handles) handles.add(handle);
  else volumes.set(driver, new Set([handle]));
}
const limitsOf = (node: V1CSINode | undefined): Map<string, number> =>
  new Map((node?.spec?.drivers ?? []).flatMap(({ name, allocatable }) => (allocatable?.count === undefined ? [] : [[name, allocatable.count] as const])));

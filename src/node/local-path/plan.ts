import {
  hasAnnotation,
  isReady,
  localPathProvisioner,
  provisionedBy,
  selectedNode,
  storageProvisioner,
  type V1Node,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1StorageClass,
} from '#kinds';

/** Keeps a volume until its directory is gone; the name that external provisioners use. */
export const provisionerFinalizer = 'external-provisioner.volume.kubernetes.io/finalizer';
/** The node that holds the directory; the annotation of Rancher's local-path provisioner. */
export const nodeAnnotation = 'local.path.provisioner/selected-node';

/** The claim asks this provisioner for a volume now. */
export function wantsVolume(claim: V1PersistentVolumeClaim, cls: V1StorageClass | undefined): boolean {
  if (claim.metadata?.deletionTimestamp !== undefined || claim.spec?.volumeName || !cls || cls.provisioner !== localPathProvisioner) return false;
  if (claim.metadata?.annotations?.[storageProvisioner] !== localPathProvisioner) return false;
  return cls.volumeBindingMode !== 'WaitForFirstConsumer' || hasAnnotation(claim, selectedNode);
}

/** What of the claim or its class cannot be had; undefined when all can. */
export function unsupported(claim: V1PersistentVolumeClaim, cls: V1StorageClass): string | undefined {
  if (claim.spec?.selector) return 'claim.Spec.Selector is not supported';
  if (claim.spec?.volumeMode === 'Block') return `${localPathProvisioner} does not support block volume provisioning`;
  if (claim.spec?.dataSource || claim.spec?.dataSourceRef) return `${localPathProvisioner} does not fill volumes from a data source`;
  if (claim.spec?.volumeAttributesClassName) return `${localPathProvisioner} does not support VolumeAttributesClasses`;
  const [parameter] = Object.keys(cls.parameters ?? {});
  return parameter === undefined ? undefined : `${localPathProvisioner} does not know the parameter "${parameter}"`;
}

const hostnameLabel = 'kubernetes.io/hostname';
function allowed(node: V1Node, cls: V1StorageClass): boolean {
  const terms = cls.allowedTopologies ?? [];
  const holds = (term: (typeof terms)[number]): boolean =>
    (term.matchLabelExpressions ?? []).every(({ key, values }) => values.includes(node.metadata?.labels?.[key] ?? ''));
  return terms.length === 0 || terms.some(holds);
}
/** For a class that does not wait for a pod: the ready node with the fewest volumes, the first by name among equals. */
export function chooseNode(nodes: readonly V1Node[], volumes: readonly V1PersistentVolume[], cls: V1StorageClass): V1Node | undefined {
  const held = new Map<string, number>();
  for (const volume of volumes) {
    const node = volume.metadata?.annotations?.[nodeAnnotation];
    if (node !== undefined) held.set(node, (held.get(node) ?? 0) + 1);
  }
  const count = (node: V1Node): number => held.get(node.metadata?.name ?? '') ?? 0;
  const fit = nodes.filter((node) => isReady(node) && node.spec?.unschedulable !== true && allowed(node, cls));
  return fit.toSorted((a, b) => count(a) - count(b) || ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))[0];
}

export const volumeName = (claim: V1PersistentVolumeClaim): string => `pvc-${claim.metadata?.uid ?? ''}`;
/** The directory's name tells whose it is. Names of objects hold no slash; the length keeps to what file systems take. */
export const directoryName = (claim: V1PersistentVolumeClaim): string =>
  `${volumeName(claim)}_${claim.metadata?.namespace ?? ''}_${claim.metadata?.name ?? ''}`.slice(0, 240);

/** The volume for a claim, bound to it before it exists; `path` is on that node alone. */
export function volumeFor(claim: V1PersistentVolumeClaim, cls: V1StorageClass, node: V1Node, path: string): V1PersistentVolume {
  const { namespace = '', name = '', uid = '', resourceVersion = '' } = claim.metadata ?? {};
  const host = node.metadata?.labels?.[hostnameLabel] ?? node.metadata?.name ?? '';
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName(claim),
      annotations: { [provisionedBy]: localPathProvisioner, [nodeAnnotation]: node.metadata?.name ?? '' },
      finalizers: [provisionerFinalizer],
    },
    spec: {
      accessModes: [...(claim.spec?.accessModes ?? [])],
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [host] }] }] } },
      persistentVolumeReclaimPolicy: cls.reclaimPolicy ?? 'Delete',
      storageClassName: cls.metadata?.name ?? '',
      volumeMode: 'Filesystem',
    },
  };
}

/** Made here, and not only said so: the name is that of a provisioned volume and the directory's begins with it. */
export function ownDirectory(volume: V1PersistentVolume): string | undefined {
  const name = volume.metadata?.name ?? '';
  const base = volume.spec?.local?.path.split('/').at(-1) ?? '';
  return volume.metadata?.annotations?.[provisionedBy] === localPathProvisioner && name.startsWith('pvc-') && base.startsWith(`${name}_`) ? base : undefined;
}

/** What becomes of a volume: its directory goes with it, or it goes alone (Retain), or nothing yet. */
export function reclaim(volume: V1PersistentVolume): 'delete' | 'forget' | undefined {
  if (volume.metadata?.annotations?.[provisionedBy] !== localPathProvisioner || volume.status?.phase === 'Bound') return undefined;
  const deleting = volume.metadata.deletionTimestamp !== undefined;
  if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete')
    return deleting && volume.metadata.finalizers?.includes(provisionerFinalizer) ? 'forget' : undefined;
  return deleting || volume.status?.phase === 'Released' ? 'delete' : undefined;
}

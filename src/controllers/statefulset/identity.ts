import { StatefulSet, type V1PersistentVolumeClaim, type V1Pod, type V1PodTemplateSpec, type V1StatefulSet, type V1Volume } from '#kinds';
import { cloneObject, type KubeObject } from '#machinery';
import { controllerReference } from '../ownership.ts';
import { revisionLabel } from '../revisions.ts';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const indexLabel = 'apps.kubernetes.io/pod-index';

export const startOrdinal = (set: V1StatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const replicasOf = (set: V1StatefulSet): number => set.spec?.replicas ?? 1;
export const podName = (set: V1StatefulSet, ordinal: number): string => `${set.metadata?.name ?? ''}-${ordinal}`;
export const revisionOf = (pod: V1Pod): string => pod.metadata?.labels?.[revisionLabel] ?? '';

/** The ordinal that a pod's name ends with; -1 when it has none. */
export function ordinalOf(pod: V1Pod): number {
  const found = /^(.*)-([0-9]+)$/.exec(pod.metadata?.name ?? '');
  const ordinal = Number(found?.[2] ?? -1);
  return ordinal <= 2_147_483_647 ? ordinal : -1;
}
export function isMember(set: V1StatefulSet, pod: KubeObject): boolean {
  return /^(.*)-[0-9]+$/.exec(pod.metadata?.name ?? '')?.[1] === set.metadata?.name;
}
export function isInRange(set: V1StatefulSet, ordinal: number): boolean {
  return ordinal >= startOrdinal(set) && ordinal < startOrdinal(set) + replicasOf(set);
}

/** The labels by which Services and people find one pod of the set. */
const identityLabels = (name: string, ordinal: number): { [key: string]: string } => ({ [podNameLabel]: name, [indexLabel]: String(ordinal) });

export function identityMatches(set: V1StatefulSet, pod: V1Pod): boolean {
  const ordinal = ordinalOf(pod);
  return ordinal >= 0 && pod.metadata?.name === podName(set, ordinal) && pod.metadata.labels?.[podNameLabel] === pod.metadata.name;
}
export function storageMatches(set: V1StatefulSet, pod: V1Pod): boolean {
  const ordinal = ordinalOf(pod);
  return (set.spec?.volumeClaimTemplates ?? []).every((template) =>
    (pod.spec?.volumes ?? []).some((v) => v.name === template.metadata?.name && v.persistentVolumeClaim?.claimName === claimName(set, template, ordinal)),
  );
}
/** The pod with the identity and the volumes that its ordinal has. */
export function repaired(set: V1StatefulSet, pod: V1Pod): V1Pod {
  const ordinal = ordinalOf(pod);
  const labels = { ...pod.metadata?.labels, ...identityLabels(pod.metadata?.name ?? '', ordinal) };
  const spec = pod.spec && !storageMatches(set, pod) ? { ...pod.spec, volumes: volumesOf(set, ordinal, pod.spec.volumes) } : pod.spec;
  return { ...pod, metadata: { ...pod.metadata, labels }, ...(spec ? { spec } : {}) };
}

const claimName = (set: V1StatefulSet, template: V1PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata?.name ?? ''}-${set.metadata?.name ?? ''}-${ordinal}`;

export const claimNames = (set: V1StatefulSet, ordinal: number): string[] => (set.spec?.volumeClaimTemplates ?? []).map((t) => claimName(set, t, ordinal));

/** The claims of one ordinal, without owners. */
export function claimsOf(set: V1StatefulSet, ordinal: number): V1PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const claim = cloneObject(template);
    delete claim.status;
    claim.metadata = {
      ...claim.metadata,
      name: claimName(set, template, ordinal),
      namespace: set.metadata?.namespace ?? '',
      labels: { ...claim.metadata?.labels, ...set.spec?.selector.matchLabels },
    };
    return claim;
  });
}
function volumesOf(set: V1StatefulSet, ordinal: number, own: readonly V1Volume[] | undefined): V1Volume[] {
  const claimed = (set.spec?.volumeClaimTemplates ?? []).map((template): V1Volume => ({
    name: template.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  const names = new Set(claimed.map((v) => v.name));
  return [...claimed, ...(own ?? []).filter((v) => !names.has(v.name)).map((v) => cloneObject(v))];
}

/** The pod of an ordinal as a revision describes it. */
export function buildPod(set: V1StatefulSet, template: V1PodTemplateSpec, revision: string, ordinal: number): V1Pod {
  const { metadata, spec } = cloneObject(template);
  const name = podName(set, ordinal);
  const volumes = volumesOf(set, ordinal, spec?.volumes);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      generateName: `${set.metadata?.name ?? ''}-`,
      namespace: set.metadata?.namespace ?? '',
      labels: { ...metadata?.labels, ...identityLabels(name, ordinal), [revisionLabel]: revision },
      ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
      ...(metadata?.finalizers ? { finalizers: metadata.finalizers } : {}),
      ownerReferences: [controllerReference(StatefulSet, set)],
    },
    spec: {
      containers: [],
      ...spec,
      ...(volumes.length > 0 ? { volumes } : {}),
      hostname: name,
      ...(set.spec?.serviceName ? { subdomain: set.spec.serviceName } : {}),
    },
  };
}

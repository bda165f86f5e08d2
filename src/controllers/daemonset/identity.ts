import { DaemonSet, type V1DaemonSet, type V1Pod } from '#kinds';
import { cloneObject } from '#machinery';
import { controllerReference } from '../ownership.ts';
import { revisionLabel } from '../revisions.ts';
import { boundTo, tolerationsOf } from './placement.ts';

const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

export const templateGeneration = (set: V1DaemonSet): string | undefined => set.metadata?.annotations?.[generationAnnotation];

/** Made from the present template: by the hash of its revision, or (as revisions can be replaced) by the template's generation. */
export function isUpdated(set: V1DaemonSet, hash: string, pod: V1Pod): boolean {
  const labels = pod.metadata?.labels ?? {};
  const generation = templateGeneration(set);
  return (hash !== '' && labels[revisionLabel] === hash) || (generation !== undefined && labels[generationLabel] === generation);
}

/** Pods of the set's template; every node gets its own. */
export function podBuilder(set: V1DaemonSet, hash: string): (node: string) => V1Pod {
  const { metadata, spec } = set.spec?.template ?? {};
  const generation = templateGeneration(set);
  const owner = controllerReference(DaemonSet, set);
  const tolerations = tolerationsOf(set);
  return (node) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata?.name ?? ''}-`,
      namespace: set.metadata?.namespace ?? '',
      labels: { ...metadata?.labels, [revisionLabel]: hash, ...(generation === undefined ? {} : { [generationLabel]: generation }) },
      ...(metadata?.annotations ? { annotations: { ...metadata.annotations } } : {}),
      ...(metadata?.finalizers ? { finalizers: [...metadata.finalizers] } : {}),
      ownerReferences: [{ ...owner }],
    },
    spec: { containers: [], ...cloneObject(spec ?? {}), tolerations: tolerations.map((t) => ({ ...t })), affinity: boundTo(cloneObject(spec?.affinity), node) },
  });
}

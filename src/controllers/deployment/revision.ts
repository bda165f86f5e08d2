import { cloneObject } from '#machinery';
import { Deployment, type V1Deployment, type V1ReplicaSet } from '#kinds';
import { controllerReference } from '../ownership.ts';
import { templateHash, templateHashLabel, templatesEqual } from './hash.ts';
import { annotation, desiredReplicas, intAnnotation, maxSurge, oldestFirst, revisionOf } from './numbers.ts';
import { rollbackAnnotation } from './rollback/policy.ts';

const maxHistoryChars = 2000;
const notCopied = new Set<string>([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  ...Object.values(annotation),
  rollbackAnnotation.record,
  rollbackAnnotation.proven,
]);

/** The ReplicaSet of the present template; of several the oldest. */
export function findCurrent(d: V1Deployment, sets: readonly V1ReplicaSet[]): V1ReplicaSet | undefined {
  return [...sets].sort(oldestFirst).find((rs) => templatesEqual(rs.spec?.template, d.spec?.template));
}
export const nextRevision = (old: readonly V1ReplicaSet[]): number => Math.max(0, ...old.map(revisionOf)) + 1;

/** A new ReplicaSet for the present template, without pods yet. */
export function buildReplicaSet(d: V1Deployment, revision: number): V1ReplicaSet {
  const spec = d.spec;
  if (!spec) throw new Error('a Deployment without spec cannot be rolled out');
  const hash = templateHash(spec.template, d.status?.collisionCount);
  const template = cloneObject(spec.template);
  template.metadata = { ...template.metadata, labels: { ...template.metadata?.labels, [templateHashLabel]: hash } };
  const rs: V1ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${d.metadata?.name ?? ''}-${hash}`,
      namespace: d.metadata?.namespace ?? '',
      labels: { ...template.metadata.labels },
      ownerReferences: [controllerReference(Deployment, d)],
    },
    spec: {
      replicas: 0,
      ...(spec.minReadySeconds ? { minReadySeconds: spec.minReadySeconds } : {}),
      selector: { ...cloneObject(spec.selector), matchLabels: { ...spec.selector.matchLabels, [templateHashLabel]: hash } },
      template,
    },
  };
  return describe(d, rs, revision, true);
}

/** `rs` with the annotations (and minReadySeconds) that the current ReplicaSet must have; the same object when it has them. */
export function describe(d: V1Deployment, rs: V1ReplicaSet, revision: number, isNew: boolean): V1ReplicaSet {
  const annotations = { ...rs.metadata?.annotations };
  for (const [key, value] of Object.entries(d.metadata?.annotations ?? {})) if (!notCopied.has(key)) annotations[key] = value;
  const before = annotations[annotation.revision];
  if (revisionOf(rs) < revision) {
    annotations[annotation.revision] = String(revision);
    if (before !== undefined) annotations[annotation.history] = appendHistory(annotations[annotation.history] ?? '', before);
  }
  if (isNew) Object.assign(annotations, replicaAnnotations(d));
  const minReady = d.spec?.minReadySeconds ?? 0;
  if (sameStrings(annotations, rs.metadata?.annotations ?? {}) && minReady === (rs.spec?.minReadySeconds ?? 0)) return rs;
  const next = cloneObject(rs);
  next.metadata = { ...next.metadata, annotations };
  if (next.spec) next.spec.minReadySeconds = minReady;
  return next;
}
function appendHistory(history: string, revision: string): string {
  const parts = history === '' ? [] : history.split(',');
  let length = history.length + revision.length + 1;
  while (length > maxHistoryChars && parts.length > 0) length -= (parts.shift() ?? '').length + 1;
  return [...parts, revision].join(',');
}
const sameStrings = (a: { [key: string]: string }, b: { [key: string]: string }): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([k, v]) => b[k] === v);

/** The deployment with the annotations of a revision that it goes back to; what is the deployment's own stays. */
export function withAnnotationsOf(d: V1Deployment, rs: V1ReplicaSet): V1Deployment {
  const isOwn = ([key]: [string, string]): boolean => notCopied.has(key) || Object.values<string>(rollbackAnnotation).includes(key);
  const own = Object.entries(d.metadata?.annotations ?? {}).filter(isOwn);
  const old = Object.entries(rs.metadata?.annotations ?? {}).filter((entry) => !isOwn(entry));
  return { ...d, metadata: { ...d.metadata, annotations: Object.fromEntries([...old, ...own]) } };
}

function replicaAnnotations(d: V1Deployment): { [key: string]: string } {
  const replicas = desiredReplicas(d);
  return { [annotation.desired]: String(replicas), [annotation.max]: String(replicas + maxSurge(d)) };
}
/** `rs` scaled to `replicas`, with the annotations that proportional scaling reads; the same object when nothing changes. */
export function scaledTo(d: V1Deployment, rs: V1ReplicaSet, replicas: number): V1ReplicaSet {
  const wanted = replicaAnnotations(d);
  const annotated = Object.entries(wanted).every(([key, value]) => intAnnotation(rs, key) === Number(value));
  if (rs.spec?.replicas === replicas && annotated) return rs;
  const next = cloneObject(rs);
  next.metadata = { ...next.metadata, annotations: { ...next.metadata?.annotations, ...wanted } };
  if (next.spec) next.spec.replicas = replicas;
  return next;
}

/** The pods that a job makes. Pure. */
import { Job, type V1Container, type V1Job, type V1Pod, type V1PodSpec } from '#kinds';
import { cloneObject } from '#machinery';
import { controllerReference } from '../ownership.ts';
import { failureAnnotations, failuresBefore, hasLimitPerIndex, indexAnnotation, trackingFinalizer, type FailureCounts } from './pods.ts';
import { judgeFailure } from './policy.ts';

const longestBase = 58;
const indexVariable = 'JOB_COMPLETION_INDEX';

/** `replaced` is the failed pod whose count of failures the new one carries on. */
export function buildPod(job: V1Job, index: number | undefined, replaced: V1Pod | undefined): V1Pod {
  const { metadata, spec } = job.spec?.template ?? {};
  const annotations = { ...metadata?.annotations, ...indexMeta(index), ...(hasLimitPerIndex(job) ? failureAnnotations(failures(job, replaced)) : {}) };
  const labels = { ...metadata?.labels, ...indexMeta(index) };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: baseName(job.metadata?.name ?? '', index),
      namespace: job.metadata?.namespace ?? '',
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      finalizers: [...(metadata?.finalizers ?? []).filter((f) => f !== trackingFinalizer), trackingFinalizer],
      ownerReferences: [controllerReference(Job, job)],
    },
    ...(spec ? { spec: index === undefined ? cloneObject(spec) : withIndex(cloneObject(spec), job.metadata?.name ?? '', index) } : {}),
  };
}
const indexMeta = (index: number | undefined): { [name: string]: string } => (index === undefined ? {} : { [indexAnnotation]: String(index) });

/** The index survives where a long name is cut. */
function baseName(name: string, index: number | undefined): string {
  const suffix = index === undefined ? '-' : `-${index}-`;
  return index === undefined || name.length + suffix.length <= longestBase ? name + suffix : name.slice(0, longestBase - suffix.length) + suffix;
}
function withIndex(spec: V1PodSpec, name: string, index: number): V1PodSpec {
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) addVariable(container);
  spec.hostname = `${name}-${index}`;
  return spec;
}
function addVariable(container: V1Container): void {
  if (container.env?.some((variable) => variable.name === indexVariable)) return;
  const fieldRef = { apiVersion: 'v1', fieldPath: `metadata.labels['${indexAnnotation}']` };
  container.env = [...(container.env ?? []), { name: indexVariable, valueFrom: { fieldRef } }];
}
function failures(job: V1Job, replaced: V1Pod | undefined): FailureCounts {
  if (!replaced) return { counted: 0, ignored: 0 };
  const { counted, ignored } = failuresBefore(replaced);
  return judgeFailure(job, replaced).counts ? { counted: counted + 1, ignored } : { counted, ignored: ignored + 1 };
}

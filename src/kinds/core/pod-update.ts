/** What may change in a pod that exists. */
import { cloneObject, type FieldError } from '#machinery';
import type { V1Container, V1NodeAffinity, V1NodeSelectorTerm, V1Pod, V1PodSpec, V1Toleration } from '../generated/types.ts';
import { unifiedDiff } from '../support/diff.ts';
import { forbidden, invalidValue, required, sameJson } from '../support/errors.ts';
import { validatePod } from './pod-spec-validation.ts';
import { qosClass } from './qos.ts';

const updatable = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

function withImages(containers: V1Container[] | undefined, from: V1Container[] | undefined): void {
  containers?.forEach((container, i) => {
    const image = from?.[i]?.image;
    if (image === undefined) delete container.image;
    else container.image = image;
  });
}

function checkTolerations(now: V1Toleration[], before: V1Toleration[]): FieldError[] {
  const kept = before.every((old) => now.some((toleration) => sameJson({ ...toleration, tolerationSeconds: 0 }, { ...old, tolerationSeconds: 0 })));
  return kept ? [] : [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function checkGates(now: V1PodSpec['schedulingGates'], before: V1PodSpec['schedulingGates']): FieldError[] {
  const known = new Set(before?.map((gate) => gate.name));
  return (now ?? []).flatMap((gate, i) =>
    known.has(gate.name) ? [] : [forbidden(`spec.schedulingGates[${i}].name`, `only deletion is allowed, but found new scheduling gate '${gate.name}'`)],
  );
}

/** Of a pod that waits for its gates, labels may be added to the node selector. */
function checkNodeSelector(now: V1PodSpec['nodeSelector'], before: V1PodSpec['nodeSelector']): FieldError[] {
  const kept = Object.entries(before ?? {}).every(([key, value]) => now?.[key] === value);
  return kept ? [] : [invalidValue('spec.nodeSelector', now ?? {}, 'only additions to spec.nodeSelector are allowed (no mutations or deletions)')];
}

/** Whether `now` only adds to what `before` asks for. */
const narrows = (now: V1NodeSelectorTerm, before: V1NodeSelectorTerm): boolean =>
  (['matchExpressions', 'matchFields'] as const).every((list) =>
    (before[list] ?? []).every((expression) => now[list]?.some((other) => sameJson(other, expression))),
  );

/** Of a pod that waits for its gates, terms may be narrowed, none may be added, removed or widened. */
function checkNodeAffinity(now: V1NodeAffinity | undefined, before: V1NodeAffinity | undefined): FieldError[] {
  const at = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution';
  const old = before?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (old.length === 0) return [];
  const terms = now?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (terms.length !== old.length)
    return [invalidValue(`${at}.nodeSelectorTerms`, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')];
  return terms.flatMap((term, i) =>
    narrows(term, old[i]!) ? [] : [invalidValue(`${at}.nodeSelectorTerms[${i}]`, term, 'only additions are allowed (no mutations or deletions)')],
  );
}

/** The affinity with the node affinity of the old one; undefined when nothing else is in it. */
function affinityUndone(affinity: V1PodSpec['affinity'], old: V1PodSpec['affinity']): V1PodSpec['affinity'] {
  const { nodeAffinity: _, ...others } = affinity ?? {};
  const back = { ...others, ...(old?.nodeAffinity ? { nodeAffinity: old.nodeAffinity } : {}) };
  return Object.keys(back).length > 0 || old ? back : undefined;
}

/** The new spec with every field that may change put back to what it was. */
function mutableFieldsUndone(spec: V1PodSpec, old: V1PodSpec): V1PodSpec {
  const copy = cloneObject(spec);
  const put = (key: keyof V1PodSpec, value: unknown): void => {
    if (value === undefined) delete copy[key];
    else Object.assign(copy, { [key]: value });
  };
  withImages(copy.containers, old.containers);
  withImages(copy.initContainers, old.initContainers);
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'schedulingGates'] as const) put(key, old[key]);
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    copy.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds!;
  if ((old.schedulingGates ?? []).length === 0) return copy;
  put('nodeSelector', old.nodeSelector);
  if (!sameJson(spec.affinity?.nodeAffinity, old.affinity?.nodeAffinity)) put('affinity', affinityUndone(spec.affinity, old.affinity));
  return copy;
}

function checkDeadline(now: number | undefined, before: number | undefined): FieldError[] {
  const at = 'spec.activeDeadlineSeconds';
  if (before === undefined) return [];
  if (now === undefined) return [invalidValue(at, now, 'must not update from a positive integer to nil value')];
  return now > before ? [invalidValue(at, now, 'must be less than or equal to previous value')] : [];
}

function checkContainers(spec: V1PodSpec, before: V1PodSpec): FieldError[] | 'counts' {
  const errors: FieldError[] = [];
  for (const role of ['containers', 'initContainers'] as const) {
    if ((spec[role]?.length ?? 0) !== (before[role]?.length ?? 0)) return 'counts';
    spec[role]?.forEach((container, i) => {
      if (!container.image) errors.push(required(`spec.${role}[${i}].image`));
    });
  }
  return errors;
}

export function validatePodUpdate(pod: V1Pod, old: V1Pod): FieldError[] {
  const { spec } = pod;
  const before = old.spec;
  if (!spec || !before || sameJson(spec, before)) return [];
  const count = ((spec as Partial<V1PodSpec>).containers ?? []).length;
  const containers = count === 0 ? 'counts' : checkContainers(spec, before);
  if (containers === 'counts') {
    const role = count === before.containers.length ? 'initContainers' : 'containers';
    return [forbidden(`spec.${role}`, 'pod updates may not add or remove containers')];
  }
  const errors = [
    ...validatePod(pod),
    ...containers,
    ...checkDeadline(spec.activeDeadlineSeconds, before.activeDeadlineSeconds),
    ...checkTolerations(spec.tolerations ?? [], before.tolerations ?? []),
    ...checkGates(spec.schedulingGates, before.schedulingGates),
  ];
  const qos = old.status?.qosClass ?? qosClass(before);
  if (qos !== qosClass(spec)) errors.push(invalidValue('metadata', qos, 'Pod QoS is immutable'));
  if ((before.schedulingGates ?? []).length > 0) {
    if (!sameJson(spec.nodeSelector, before.nodeSelector)) errors.push(...checkNodeSelector(spec.nodeSelector, before.nodeSelector));
    if (!sameJson(spec.affinity?.nodeAffinity, before.affinity?.nodeAffinity))
      errors.push(...checkNodeAffinity(spec.affinity?.nodeAffinity, before.affinity?.nodeAffinity));
  }
  const rest = mutableFieldsUndone(spec, before);
  if (!sameJson(rest, before)) errors.push(forbidden('spec', `pod updates may not change fields other than ${updatable}\n${unifiedDiff(before, rest)}`));
  return dedupe(errors);
}

/** The whole spec is checked again, so that some findings come twice. */
function dedupe(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors.filter(({ field, message }) => !seen.has(`${field}: ${message}`) && seen.add(`${field}: ${message}`));
}

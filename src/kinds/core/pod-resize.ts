/** pods/resize: CPU and memory of containers that run (KEP-1287), and of the pod as a whole (KEP-5419). */
import type { Aspect, FieldError } from '#machinery';
import type { V1Container, V1Pod, V1ResourceRequirements } from '../generated/types.ts';
import { unifiedDiff } from '../support/diff.ts';
import { forbidden, invalidValue, sameJson } from '../support/errors.ts';
import { validatePod } from './pod-spec-validation.ts';
import { qosClass } from './qos.ts';

type Role = 'containers' | 'initContainers';

/** Containers by position, each with the wanted resources; as wanted where the lists do not correspond, for validation to say so. */
function confined(wanted: V1Container[] | undefined, old: V1Container[] | undefined): V1Container[] | undefined {
  if (!wanted || !old || wanted.some((container, i) => container.name !== old[i]?.name)) return wanted;
  return old.map((container, i) => {
    const { resources, resizePolicy } = wanted[i]!;
    const { resources: _, resizePolicy: __, ...rest } = container;
    return { ...rest, ...(resizePolicy ? { resizePolicy } : {}), ...(resources ? { resources } : {}) };
  });
}

const resizable = ['cpu', 'memory'] as const;
type List = { [name: string]: string } | undefined;

/** The wanted list with CPU and memory put back. */
function undone(list: List, old: List): List {
  const out: { [name: string]: string } = { ...list };
  for (const name of resizable) {
    delete out[name];
    if (old?.[name] !== undefined) out[name] = old[name];
  }
  return Object.keys(out).length > 0 ? out : old;
}
function resourcesUndone(resources: V1ResourceRequirements | undefined, old: V1ResourceRequirements | undefined): V1ResourceRequirements | undefined {
  const { limits, requests, ...rest } = resources ?? {};
  const kept = { limits: undone(limits, old?.limits), requests: undone(requests, old?.requests) };
  return { ...rest, ...(kept.limits ? { limits: kept.limits } : {}), ...(kept.requests ? { requests: kept.requests } : {}) };
}

function isSidecar(container: V1Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Values that are there may change, and ones may be added; none may go away. */
function validateLists(at: string, now: V1ResourceRequirements | undefined, old: V1ResourceRequirements | undefined): FieldError[] {
  return (['limits', 'requests'] as const).flatMap((list) => {
    const gone = resizable.some((name) => old?.[list]?.[name] !== undefined && now?.[list]?.[name] === undefined);
    return gone ? [forbidden(`${at}.${list}`, `resource ${list} cannot be removed`)] : [];
  });
}

function validateContainers(pod: V1Pod, old: V1Pod, role: Role): FieldError[] {
  return (old.spec?.[role] ?? []).flatMap((before, i) => {
    const now = pod.spec?.[role]?.[i];
    const at = `spec.${role}[${i}].resources`;
    if (!now || sameJson(now.resources, before.resources)) return [];
    const errors = validateLists(at, now.resources, before.resources);
    if (!sameJson(now.resources?.claims, before.resources?.claims)) errors.push(forbidden(`${at}.claims`, 'field is immutable'));
    return errors;
  });
}

/** Everything that a resize may change, as it was. */
function mutableUndone(pod: V1Pod, old: V1Pod): V1Pod['spec'] {
  const back = (role: Role): V1Container[] | undefined =>
    pod.spec?.[role]?.map((container, i) => {
      const before = old.spec?.[role]?.[i];
      if (!before || (role === 'initContainers' && !isSidecar(container))) return container;
      const resources = resourcesUndone(container.resources, before.resources);
      return { ...container, ...(resources ? { resources } : {}), ...(before.resizePolicy ? { resizePolicy: before.resizePolicy } : {}) };
    });
  const spec = { ...pod.spec!, containers: back('containers') ?? [] };
  const init = back('initContainers');
  if (init) spec.initContainers = init;
  if (spec.resources) spec.resources = resourcesUndone(spec.resources, old.spec?.resources) ?? {};
  return spec;
}

export const resize: Aspect<V1Pod> = {
  confine(wanted, old) {
    const spec = { ...old.spec!, containers: confined(wanted.spec?.containers, old.spec?.containers) ?? [] };
    const init = confined(wanted.spec?.initContainers, old.spec?.initContainers);
    if (init) spec.initContainers = init;
    else delete spec.initContainers;
    if (wanted.spec?.resources) spec.resources = wanted.spec.resources;
    else delete spec.resources;
    return { ...old, spec };
  },
  validate(pod, old) {
    const errors = validatePod(pod);
    if (old.metadata?.annotations?.['kubernetes.io/config.mirror'] !== undefined) errors.push(forbidden('', 'static pods cannot be resized'));
    if (old.spec?.os?.name === 'windows') errors.push(forbidden('', 'windows pods cannot be resized'));
    const counts = (['containers', 'initContainers'] as const).filter((role) => pod.spec?.[role]?.length !== old.spec?.[role]?.length);
    if (counts.length > 0) return [...errors, ...counts.map((role) => forbidden(`spec.${role}`, 'containers may not be added or removed on resize'))];
    const before = old.status?.qosClass ?? qosClass(old.spec!);
    if (before !== qosClass(pod.spec!)) errors.push(invalidValue('spec', before, 'Pod QOS Class may not change as a result of resizing'));
    errors.push(...validateContainers(pod, old, 'containers'), ...validateContainers(pod, old, 'initContainers'));
    errors.push(...validateLists('spec.resources', pod.spec?.resources, old.spec?.resources));
    const rest = mutableUndone(pod, old);
    if (!sameJson(rest, old.spec))
      errors.push(forbidden('spec', `only cpu and memory resources for sidecar and non-sidecar containers are mutable\n${unifiedDiff(old.spec, rest)}`));
    return errors;
  },
};

/** What may change in a pod that exists. */
import { cloneObject, type FieldError } from '#machinery';
import type { V1Container, V1Pod, V1PodSpec, V1Toleration } from '../generated/types.ts';
import { forbidden, invalidValue, required, sameJson } from '../support/errors.ts';

const allowed =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

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

/** The new spec with every field that may change put back to what it was. */
function mutableFieldsUndone(spec: V1PodSpec, old: V1PodSpec): V1PodSpec {
  const copy = cloneObject(spec);
  withImages(copy.containers, old.containers);
  withImages(copy.initContainers, old.initContainers);
  for (const key of ['activeDeadlineSeconds', 'tolerations', 'ephemeralContainers', 'schedulingGates'] as const) {
    if (old[key] === undefined) delete copy[key];
    else Object.assign(copy, { [key]: old[key] });
  }
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    copy.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds!;
  // A gated pod's placement may still be narrowed.
  if ((old.schedulingGates ?? []).length > 0) {
    if (old.nodeSelector && Object.entries(old.nodeSelector).every(([key, value]) => copy.nodeSelector?.[key] === value)) copy.nodeSelector = old.nodeSelector;
    else if (!old.nodeSelector) delete copy.nodeSelector;
  }
  return copy;
}

export function validatePodUpdate(pod: V1Pod, old: V1Pod): FieldError[] {
  const spec = pod.spec;
  const before = old.spec;
  if (!spec || !before || spec === before) return [];
  const errors: FieldError[] = [];
  for (const role of ['containers', 'initContainers'] as const) {
    if ((spec[role]?.length ?? 0) !== (before[role]?.length ?? 0)) {
      return [forbidden(`spec.${role}`, 'pod updates may not add or remove containers')];
    }
    spec[role]?.forEach((container, i) => {
      if (!container.image) errors.push(required(`spec.${role}[${i}].image`));
    });
  }
  const [deadline, oldDeadline] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (deadline === undefined ? oldDeadline !== undefined : oldDeadline !== undefined && deadline > oldDeadline) {
    errors.push(
      invalidValue(
        'spec.activeDeadlineSeconds',
        deadline,
        deadline === undefined ? 'must not update from a positive integer to nil value' : 'must be less than or equal to previous value',
      ),
    );
  }
  for (const gate of spec.schedulingGates ?? []) {
    if (!before.schedulingGates?.some((known) => known.name === gate.name)) {
      errors.push(forbidden('spec.schedulingGates', "only deletion is allowed, but found new scheduling gate '" + gate.name + "'"));
    }
  }
  errors.push(...checkTolerations(spec.tolerations ?? [], before.tolerations ?? []));
  if (!sameJson(mutableFieldsUndone(spec, before), before)) errors.push(forbidden('spec', allowed));
  return errors;
}

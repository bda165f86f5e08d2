/** pods/ephemeralcontainers: containers may be added to a pod that runs, and never changed or taken away. */
import type { Aspect, FieldError } from '#machinery';
import type { V1EphemeralContainer, V1Pod } from '../generated/types.ts';
import { unifiedDiff } from '../support/diff.ts';
import { forbidden, sameJson } from '../support/errors.ts';
import { validatePod } from './pod-spec-validation.ts';

const mirror = 'kubernetes.io/config.mirror';

function validateKept(containers: readonly V1EphemeralContainer[], old: readonly V1EphemeralContainer[]): FieldError[] {
  const at = 'spec.ephemeralContainers';
  return old.flatMap((before) => {
    const now = containers.find((container) => container.name === before.name);
    const name = JSON.stringify(before.name);
    if (!now) return [forbidden(at, `existing ephemeral containers ${name} may not be removed\n`)];
    return sameJson(now, before) ? [] : [forbidden(at, `existing ephemeral containers ${name} may not be changed\n${unifiedDiff(before, now)}`)];
  });
}

export const ephemeralContainers: Aspect<V1Pod> = {
  confine(wanted, old) {
    const containers = wanted.spec?.ephemeralContainers;
    const { ephemeralContainers: _, ...spec } = old.spec ?? { containers: [] };
    return { ...old, spec: { ...spec, ...(containers ? { ephemeralContainers: containers } : {}) } };
  },
  validate(pod, old) {
    if (old.metadata?.annotations?.[mirror] !== undefined) return [forbidden('', 'static pods do not support ephemeral containers')];
    return [...validatePod(pod), ...validateKept(pod.spec?.ephemeralContainers ?? [], old.spec?.ephemeralContainers ?? [])];
  },
};

/** What annotations of pods and of pod templates may say (ValidatePodSpecificAnnotations of pkg/apis/core/validation). */
import type { FieldError } from '#machinery';
import type { V1AppArmorProfile, V1PodSpec, V1SeccompProfile } from '../generated/types.ts';
import { forbidden, invalidValue } from '../support/errors.ts';
import { validateDescendingPath } from './volume-paths.ts';

type Annotations = { readonly [key: string]: string } | undefined;

const appArmor = 'container.apparmor.security.beta.kubernetes.io/';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainer = 'container.seccomp.security.alpha.kubernetes.io/';
const deletionCost = 'controller.kubernetes.io/pod-deletion-cost';

/** The containers of a spec with the place of each. */
function containersOf(spec: V1PodSpec): { place: string; name: string; context: { appArmorProfile?: V1AppArmorProfile; seccompProfile?: V1SeccompProfile } }[] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((role) =>
    (spec[role] ?? []).map(({ name, securityContext }, i) => ({ place: `${role}[${i}].securityContext`, name, context: securityContext ?? {} })),
  );
}

/** Names of seccomp profiles as annotations spell them. */
function validateSeccompName(field: string, name: string): FieldError[] {
  if (['runtime/default', 'docker/default', 'unconfined'].includes(name)) return [];
  if (name.startsWith('localhost/')) return validateDescendingPath(field, name.slice('localhost/'.length));
  return [invalidValue(field, name, 'must be a valid seccomp profile')];
}

function validateAppArmorName(field: string, name: string): FieldError[] {
  const known = ['', 'runtime/default', 'unconfined'].includes(name) || name.startsWith('localhost/');
  return known ? [] : [invalidValue(field, name, `invalid AppArmor profile name: ${JSON.stringify(name)}`)];
}

/** A whole number of 32 bits, spelled without a plus sign or leading zeros. */
function validateCost(field: string, cost: string): FieldError[] {
  const fits = /^(0|-?[1-9]\d*)$/.test(cost) && Number(cost) >= -(2 ** 31) && Number(cost) < 2 ** 31;
  return fits ? [] : [invalidValue(field, cost, 'must be a 32bit integer')];
}

/** `at` is the path of the annotations. */
export function validatePodAnnotations(at: string, annotations: Annotations, spec: V1PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(annotations ?? {})) {
    if (key === deletionCost) errors.push(...validateCost(`${at}[${key}]`, value));
    if (key === seccompPod || key.startsWith(seccompContainer)) errors.push(...validateSeccompName(`${at}.${key}`, value));
    if (!key.startsWith(appArmor)) continue;
    const name = key.slice(appArmor.length);
    if (!containersOf(spec).some((container) => container.name === name)) errors.push(invalidValue(`${at}[${key}]`, name, 'container not found'));
    errors.push(...validateAppArmorName(`${at}[${key}]`, value));
  }
  return errors;
}

type Profile = { readonly type: string; readonly localhostProfile?: string } | undefined;

function mismatch(at: string, what: string, annotation: string | undefined, profile: Profile): FieldError[] {
  if (annotation === undefined || !profile) return [];
  const plain: { [type: string]: string[] } = {
    Unconfined: ['unconfined'],
    RuntimeDefault: what === 'seccomp' ? ['runtime/default', 'docker/default'] : ['runtime/default'],
  };
  const fits = profile.type === 'Localhost' ? annotation.startsWith('localhost/') : (plain[profile.type]?.includes(annotation) ?? true);
  if (!fits) return [forbidden(`${at}.type`, `${what} type in annotation and field must match`)];
  if (profile.type !== 'Localhost' || annotation.slice('localhost/'.length) === profile.localhostProfile) return [];
  return [forbidden(`${at}.localhostProfile`, `${what} profile in annotation and field must match`)];
}

/** Who says a profile twice, in an annotation and in a field, says the same. `at` is the path of the spec. */
export function validateProfilesMatch(at: string, annotations: Annotations, spec: V1PodSpec): FieldError[] {
  if (!annotations) return [];
  const pod = spec.securityContext ?? {};
  const errors = mismatch(`${at}.securityContext.seccompProfile`, 'seccomp', annotations[seccompPod], pod.seccompProfile);
  for (const { place, name, context } of containersOf(spec)) {
    errors.push(...mismatch(`${at}.${place}.seccompProfile`, 'seccomp', annotations[seccompContainer + name], context.seccompProfile));
    if (spec.os?.name !== 'windows')
      errors.push(...mismatch(`${at}.${place}.appArmorProfile`, 'apparmor', annotations[appArmor + name], context.appArmorProfile ?? pod.appArmorProfile));
  }
  return errors;
}

/** Validation of security contexts, of sysctls, and of what operating systems allow. */
import type { FieldError } from '#machinery';
import type { V1AppArmorProfile, V1PodSecurityContext, V1PodSpec, V1SeccompProfile, V1SecurityContext } from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, required, tooLong, unsupportedOf } from '../support/errors.ts';
import { validateDescendingPath } from './volume-paths.ts';

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateId(at: string, id: number | undefined): FieldError[] {
  return id !== undefined && (id < 0 || id > 2147483647) ? [invalidValue(at, id, 'must be between 0 and 2147483647, inclusive')] : [];
}

function validateSeccomp(at: string, profile: V1SeccompProfile | undefined): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: local } = profile;
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${at}.type`, 'type is required when seccompProfile is set'));
  else if (!profileTypes.includes(type)) errors.push(unsupportedOf(`${at}.type`, type, profileTypes));
  if (type !== 'Localhost') {
    if (local !== undefined) errors.push(invalidValue(`${at}.localhostProfile`, profile, 'can only be set when seccomp type is Localhost'));
  } else if (local === undefined) errors.push(required(`${at}.localhostProfile`, 'must be set when seccomp type is Localhost'));
  else errors.push(...validateDescendingPath(`${at}.localhostProfile`, local));
  return errors;
}

function validateAppArmor(at: string, profile: V1AppArmorProfile | undefined): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile: local } = profile;
  const here = `${at}.localhostProfile`;
  if (!type) return [required(`${at}.type`, 'type is required when appArmorProfile is set')];
  if (!profileTypes.includes(type)) return [unsupportedOf(`${at}.type`, type, profileTypes)];
  if (type !== 'Localhost') return local === undefined ? [] : [invalidValue(here, local, 'can only be set when AppArmor type is Localhost')];
  if (local === undefined) return [required(here, 'must be set when AppArmor type is Localhost')];
  const errors: FieldError[] = [];
  if (local.trim() !== local) errors.push(invalidValue(here, local, 'must not be padded with whitespace'));
  else if (local === '') errors.push(required(here, 'must be set when AppArmor type is Localhost'));
  if (local.length > 4095) errors.push(tooLong(here, 4095));
  return errors;
}

export function validateContainerSecurity(at: string, context: V1SecurityContext | undefined, hostUsers: boolean): FieldError[] {
  if (!context) return [];
  const errors = [...validateId(`${at}.runAsUser`, context.runAsUser), ...validateId(`${at}.runAsGroup`, context.runAsGroup)];
  const { procMount } = context;
  if (procMount !== undefined) {
    if (!['Default', 'Unmasked'].includes(procMount)) errors.push(unsupportedOf(`${at}.procMount`, procMount, ['Default', 'Unmasked']));
    if (procMount === 'Unmasked' && hostUsers) errors.push(invalidValue(`${at}.procMount`, procMount, '`hostUsers` must be false to use `Unmasked`'));
  }
  errors.push(...validateSeccomp(`${at}.seccompProfile`, context.seccompProfile));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) errors.push(invalidValue(at, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN'))
      errors.push(invalidValue(at, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
  }
  errors.push(...validateAppArmor(`${at}.appArmorProfile`, context.appArmorProfile));
  return errors;
}

const sysctlSegment = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlRule = `^(${sysctlSegment}[\\./])*${sysctlSegment}$`;
const sysctlName = new RegExp(sysctlRule);

function validateSysctls(at: string, { sysctls }: V1PodSecurityContext, spec: V1PodSpec): FieldError[] {
  const seen = new Set<string>();
  return (sysctls ?? []).flatMap(({ name: given }, i) => {
    const name = (given as string | undefined) ?? '';
    const here = `${at}[${i}].name`;
    const dotted = name.replaceAll('/', '.');
    const errors: FieldError[] = [];
    if (!name) errors.push(required(here));
    else if (name.length > 253 || !sysctlName.test(name))
      errors.push(invalidValue(here, name, `must have at most 253 characters and match regex ${sysctlRule}`));
    else if (seen.has(dotted)) errors.push(duplicate(here, name));
    seen.add(dotted);
    if (spec.hostNetwork && dotted.startsWith('net.')) errors.push(invalidValue(here, name, "may not be specified when 'hostNetwork' is true"));
    if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted))
      errors.push(invalidValue(here, name, "may not be specified when 'hostIPC' is true"));
    return errors;
  });
}

export function validatePodSecurity(at: string, spec: V1PodSpec): FieldError[] {
  const context = spec.securityContext ?? {};
  const errors = [
    ...validateId(`${at}.fsGroup`, context.fsGroup),
    ...validateId(`${at}.runAsUser`, context.runAsUser),
    ...validateId(`${at}.runAsGroup`, context.runAsGroup),
    ...(context.supplementalGroups ?? []).flatMap((group, i) => validateId(`${at}.supplementalGroups[${i}]`, group)),
  ];
  if (spec.shareProcessNamespace && spec.hostPID)
    errors.push(invalidValue(`${at}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'));
  errors.push(...validateSysctls(`${at}.sysctls`, context, spec));
  const words = {
    fsGroupChangePolicy: ['Always', 'OnRootMismatch'],
    supplementalGroupsPolicy: ['Merge', 'Strict'],
    seLinuxChangePolicy: ['MountOption', 'Recursive'],
  } as const;
  for (const field of Object.keys(words) as (keyof typeof words)[]) {
    const value = context[field];
    if (value !== undefined && !(words[field] as readonly string[]).includes(value)) errors.push(unsupportedOf(`${at}.${field}`, value, words[field]));
  }
  errors.push(...validateSeccomp(`${at}.seccompProfile`, context.seccompProfile), ...validateAppArmor(`${at}.appArmorProfile`, context.appArmorProfile));
  return errors;
}

/** Who has users of its own cannot share the namespaces of the host. */
export function validateHostUsers(at: string, spec: V1PodSpec): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const shared: [boolean | undefined, string][] = [
    [spec.hostNetwork, 'hostNetwork'],
    [spec.hostPID, 'HostPID'],
    [spec.hostIPC, 'HostIPC'],
  ];
  return shared.filter(([is]) => is).map(([, name]) => forbidden(`${at}.${name}`, 'when `pod.Spec.HostUsers` is false'));
}

const linuxOnly = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const linuxOnlyOfContainers = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

function containersOf(spec: V1PodSpec): [string, { securityContext?: V1SecurityContext }][] {
  return (['initContainers', 'containers', 'ephemeralContainers'] as const).flatMap((role) =>
    (spec[role] ?? []).map((container, i): [string, { securityContext?: V1SecurityContext }] => [`${role}[${i}]`, container]),
  );
}

export function validateOS(at: string, spec: V1PodSpec): FieldError[] {
  if (!spec.os) return [];
  const { name } = spec.os;
  if (!name) return [required(`${at}.os.name`)];
  if (name !== 'linux' && name !== 'windows') return [unsupportedOf(`${at}.os`, name, ['linux', 'windows'])];
  return name === 'linux' ? validateLinux(at, spec) : validateWindows(at, spec);
}
function validateLinux(at: string, spec: V1PodSpec): FieldError[] {
  const text = 'windows options cannot be set for a linux pod';
  const errors = spec.securityContext?.windowsOptions ? [forbidden(`${at}.securityContext.windowsOptions`, text)] : [];
  for (const [place, { securityContext }] of containersOf(spec))
    if (securityContext?.windowsOptions) errors.push(forbidden(`${at}.${place}.securityContext.windowsOptions`, text));
  return errors;
}
function validateWindows(at: string, spec: V1PodSpec): FieldError[] {
  const text = 'cannot be set for a windows pod';
  const errors: FieldError[] = [];
  for (const field of ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const)
    if (spec[field] !== undefined && (spec[field] || field === 'hostUsers' || field === 'shareProcessNamespace'))
      errors.push(forbidden(`${at}.${field}`, text));
  for (const field of linuxOnly) if (spec.securityContext?.[field] !== undefined) errors.push(forbidden(`${at}.securityContext.${field}`, text));
  for (const [place, { securityContext }] of containersOf(spec))
    for (const field of linuxOnlyOfContainers)
      if (securityContext?.[field] !== undefined) errors.push(forbidden(`${at}.${place}.securityContext.${field}`, text));
  return errors;
}

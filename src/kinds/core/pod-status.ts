/** What a pod's status may say and how it may change. */
import type { FieldError } from '#machinery';
import type { V1ContainerStatus, V1Pod, V1PodCondition, V1PodSpec } from '../generated/types.ts';
import { duplicate, forbidden, immutable, invalidValue } from '../support/errors.ts';
import { checked, dnsSubdomain, isIPv4, qualifiedName, validIP } from '../support/names.ts';

/** Fields that older clients leave out of a status write keep their values. */
export function keepStatusFields(pod: V1Pod, old: V1Pod): void {
  const { status } = pod;
  if (!status || !old.status) return;
  if (!status.qosClass && old.status.qosClass) status.qosClass = old.status.qosClass;
  if (!status.observedGeneration && old.status.observedGeneration) status.observedGeneration = old.status.observedGeneration;
  if (!status.conditions) return;
  const known = new Map<string, V1PodCondition[]>();
  for (const condition of old.status.conditions ?? []) known.set(condition.type, [...(known.get(condition.type) ?? []), condition]);
  status.conditions = status.conditions.map((condition) => {
    const before = known.get(condition.type)?.shift()?.observedGeneration;
    return condition.observedGeneration || !before ? condition : { ...condition, observedGeneration: before };
  });
}

type Part = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses';

/** Whether a container that ended may run again, by its own policy and rules or by that of the pod. */
function mayRestart(spec: V1PodSpec, part: Part, { name, state }: V1ContainerStatus): boolean {
  // Nobody restarts an ephemeral container.
  if (part === 'ephemeralContainerStatuses') return false;
  const container = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].find((candidate) => candidate.name === name);
  const exitCode = state?.terminated?.exitCode ?? 0;
  const restarts = container?.restartPolicyRules?.some(
    ({ exitCodes }) => exitCodes && (exitCodes.values ?? []).includes(exitCode) === (exitCodes.operator === 'In'),
  );
  const policy = container?.restartPolicy ?? spec.restartPolicy;
  return restarts === true || policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function validateTransitions(pod: V1Pod, old: V1Pod, part: Part): FieldError[] {
  const spec = old.spec ?? { containers: [] };
  return (old.status?.[part] ?? []).flatMap((before, i) => {
    if (!before.state?.terminated || mayRestart(spec, part, before)) return [];
    const alive = pod.status?.[part]?.some((now) => now.name === before.name && !now.state?.terminated);
    return alive ? [forbidden(`status.${part}[${i}].state`, 'may not be transitioned to non-terminated state')] : [];
  });
}

/** At most one address of each family. */
function validateIPs(field: string, ips: readonly { ip: string }[] | undefined): FieldError[] {
  if (!ips?.length) return [];
  const errors = ips.flatMap(({ ip }, i) => checked(`${field}[${i}]`, ip, validIP));
  if (errors.length > 0 || ips.length === 1) return errors;
  const families = new Set(ips.map(({ ip }) => isIPv4(ip)));
  if (ips.length > 2 || families.size < 2) errors.push(invalidValue(field, ips, 'may specify no more than one IP for each IP family'));
  ips.forEach((ip, i) => {
    if (ips.findIndex((other) => other.ip === ip.ip) < i) errors.push(duplicate(`${field}[${i}]`, ip));
  });
  return errors;
}

function validateClaims({ spec, status }: V1Pod): FieldError[] {
  const claims = new Set(spec?.resourceClaims?.map((claim) => claim.name));
  const seen = new Set<string>();
  return (status?.resourceClaimStatuses ?? []).flatMap(({ name, resourceClaimName: made }, i) => {
    const at = `status.resourceClaimStatuses[${i}].name`;
    const errors = claims.has(name) ? [] : [invalidValue(at, name, 'must match the name of an entry in `spec.resourceClaims`')];
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    return made === undefined ? errors : [...errors, ...checked(at, made, dnsSubdomain)];
  });
}

const systemConditions = new Set(['PodScheduled', 'Ready', 'Initialized']);

export function validatePodStatus(pod: V1Pod, old: V1Pod): FieldError[] {
  const status = pod.status ?? {};
  const errors: FieldError[] = [];
  status.conditions?.forEach(({ type }, i) => {
    if (!systemConditions.has(type)) errors.push(...checked(`metadata.conditions[${i}].Type`, type, qualifiedName));
  });
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.status?.nominatedNodeName) errors.push(...checked('status.nominatedNodeName', nominated, dnsSubdomain));
  for (const part of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const) errors.push(...validateTransitions(pod, old, part));
  if (status.qosClass && old.status?.qosClass && status.qosClass !== old.status.qosClass) errors.push(immutable('status.qosClass', status.qosClass));
  errors.push(...validateClaims(pod));
  errors.push(...validateIPs('status.podIPs', status.podIPs));
  if (status.hostIPs?.[0] && status.hostIP && status.hostIP !== status.hostIPs[0].ip)
    errors.push(invalidValue('status.hostIPs[0].ip', status.hostIPs[0].ip, 'must be equal to `hostIP`'));
  errors.push(...validateIPs('status.hostIPs', status.hostIPs));
  return errors;
}

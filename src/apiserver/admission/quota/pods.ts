import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import { addTo, amountsOf, podAmounts, raiseTo, type Amounts, type Container, type Pod, type PodAffinity, type PodSpec } from '../pods.ts';
import { satisfies, type Evaluator, type ScopeRequirement } from './evaluator.ts';

const plain = ['cpu', 'memory', 'ephemeral-storage'];
const computed = new Set(['pods', ...plain, ...plain.map((name) => `requests.${name}`), ...plain.map((name) => `limits.${name}`)]);
const hugePages = /^(requests\.)?hugepages-/;
/** Where a quota limits one of these, every container has to say how much it wants. */
const demanded = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** Pods: their number, and what those that have not ended ask for. */
export const podEvaluator: Evaluator = {
  group: '',
  plural: 'pods',
  updates: ['resize'],
  limits: (resource) => computed.has(resource) || hugePages.test(resource) || (resource.startsWith('requests.') && isExtended(resource.slice(9))),
  usage(object, now) {
    const pod: Pod = object;
    if (ended(pod, now)) return new Map();
    const requests = podAmounts(pod.spec ?? {}, 'requests', (container) => asked(pod, container, 'requests'));
    const limits = podAmounts(pod.spec ?? {}, 'limits', (container) => asked(pod, container, 'limits'));
    const overhead = amountsOf(pod.spec?.overhead);
    addTo(requests, overhead);
    for (const [name, amount] of overhead) if (limits.get(name)?.nano) addTo(limits, new Map([[name, amount]]));
    return addTo(named(requests, limits), new Map([['pods', wholeAmount(1)]]));
  },
  inScope: (object, requirement) => inScope(object, requirement),
  missing(object, required) {
    const { spec = {} } = object as Pod;
    const wanted = required.filter((name) => demanded.has(name));
    if (wanted.length === 0) return undefined;
    const texts = wanted.toSorted().flatMap((name) => {
      const silent = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].filter((container) => !says(container, spec, name));
      const names = [...new Set(silent.map((container) => container.name))].toSorted();
      return names.length > 0 ? [`${name} for: ${names.join(',')}`] : [];
    });
    return texts.length > 0 ? `must specify ${texts.join('; ')}` : undefined;
  },
};

/** Resources that are not Kubernetes' own: with a domain, such as example.com/gpu. */
function isExtended(name: string): boolean {
  return name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
}

/** Over: what it asked for is free again. A pod whose grace ran out counts as over even while its node says nothing. */
function ended({ metadata, status }: Pod, now: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return true;
  if (!metadata?.deletionTimestamp || metadata.deletionGracePeriodSeconds === undefined) return false;
  return now > Date.parse(metadata.deletionTimestamp) + metadata.deletionGracePeriodSeconds * 1000;
}

/** While a resize is under way, the most of what is wanted, promised and in force. */
function asked({ status }: Pod, container: Container, of: 'requests' | 'limits'): Amounts {
  const wanted = amountsOf(container.resources?.[of]);
  const statuses = status?.containerStatuses ?? [];
  const present = [...statuses, ...(status?.initContainerStatuses ?? [])].find(({ name }) => name === container.name);
  if (!present) return wanted;
  raiseTo(wanted, amountsOf(present.resources?.[of]));
  return of === 'requests' ? raiseTo(wanted, amountsOf(present.allocatedResources)) : wanted;
}

/** Requests and limits under the names that quotas know them by. */
function named(requests: Amounts, limits: Amounts): Amounts {
  const out: Amounts = new Map();
  for (const [name, amount] of requests) {
    if (plain.includes(name) || name.startsWith('hugepages-')) out.set(name, amount).set(`requests.${name}`, amount);
    else if (isExtended(name)) out.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of limits) if (plain.includes(name)) out.set(`limits.${name}`, amount);
  return out;
}

function says({ resources }: Container, spec: PodSpec, name: string): boolean {
  const [member, resource] = name.includes('.') ? (name.split('.') as ['requests' | 'limits', string]) : (['requests', name] as const);
  return resources?.[member]?.[resource] !== undefined || spec.resources?.[member]?.[resource] !== undefined;
}

function inScope(object: KubeObject, requirement: ScopeRequirement): boolean {
  const { spec = {} } = object as Pod;
  switch (requirement.scopeName) {
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return isBestEffort(object);
    case 'NotBestEffort':
      return !isBestEffort(object);
    case 'PriorityClass':
      return satisfies(spec.priorityClassName || undefined, requirement);
    case 'CrossNamespacePodAffinity':
      return looksElsewhere(spec.affinity?.podAffinity) || looksElsewhere(spec.affinity?.podAntiAffinity);
    default:
      return false;
  }
}
function isBestEffort({ spec = {}, status }: Pod): boolean {
  if (status?.qosClass) return status.qosClass === 'BestEffort';
  const every = [spec.resources, ...[...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ resources }) => resources)];
  return !every.some((one) =>
    [...amountsOf(one?.requests), ...amountsOf(one?.limits)].some(([name, { nano }]) => nano > 0n && (name === 'cpu' || name === 'memory')),
  );
}
function looksElsewhere(affinity: PodAffinity | undefined): boolean {
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = [...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []), ...preferred.map(({ podAffinityTerm }) => podAffinityTerm)];
  return terms.some((term) => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined);
}

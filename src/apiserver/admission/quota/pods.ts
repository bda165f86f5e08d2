import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import {
  addTo,
  amountsOf,
  podAmounts,
  raiseTo,
  type Amounts,
  type Container,
  type ContainerStatus,
  type Pod,
  type PodAffinity,
  type PodSpec,
} from '../pods.ts';
import { satisfies, type Evaluator, type ScopeRequirement } from './evaluator.ts';

const one = wholeAmount(1);
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
    const { spec = {} } = pod;
    const statuses = statusesOf(pod);
    const requests = podAmounts(spec, 'requests', (container) => asked(container, statuses, 'requests'));
    const limits = podAmounts(spec, 'limits', (container) => asked(container, statuses, 'limits'));
    if (spec.overhead) addOverhead(amountsOf(spec.overhead), requests, limits);
    return named(requests, limits).set('pods', one);
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

function addOverhead(overhead: Amounts, requests: Amounts, limits: Amounts): void {
  addTo(requests, overhead);
  for (const [name, amount] of overhead) if (limits.get(name)?.nano) addTo(limits, new Map([[name, amount]]));
}

type Statuses = ReadonlyMap<string, ContainerStatus> | undefined;
/** Undefined when no status tells of resources: most pods are never resized. */
function statusesOf({ status }: Pod): Statuses {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].filter((one) => one.resources ?? one.allocatedResources);
  return all.length > 0 ? new Map(all.map((one) => [one.name, one])) : undefined;
}
/** While a resize is under way, the most of what is wanted, promised and in force. */
function asked(container: Container, statuses: Statuses, of: 'requests' | 'limits'): Amounts {
  const wanted = amountsOf(container.resources?.[of]);
  const present = statuses?.get(container.name);
  if (present?.resources?.[of]) raiseTo(wanted, amountsOf(present.resources[of]));
  if (of === 'requests' && present?.allocatedResources) raiseTo(wanted, amountsOf(present.allocatedResources));
  return wanted;
}

/** The names by which quotas know what pods ask for: looked up, not put together, for there are many pods. */
const requestNames = new Map(plain.map((name) => [name, [name, `requests.${name}`]]));
const limitNames = new Map(plain.map((name) => [name, `limits.${name}`]));
function requestNamesOf(name: string): readonly string[] {
  let names = requestNames.get(name);
  if (!names) {
    names = name.startsWith('hugepages-') ? [name, `requests.${name}`] : isExtended(name) ? [`requests.${name}`] : [];
    requestNames.set(name, names);
  }
  return names;
}
/** Requests and limits under the names that quotas know them by. */
function named(requests: Amounts, limits: Amounts): Amounts {
  const out: Amounts = new Map();
  for (const [name, amount] of requests) for (const known of requestNamesOf(name)) out.set(known, amount);
  for (const [name, amount] of limits) {
    const known = limitNames.get(name);
    if (known) out.set(known, amount);
  }
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

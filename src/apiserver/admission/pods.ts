/** What admission reads of pods, and sums of what they ask for. */
import { addAmounts, maxAmount, parseAmount, type Amount } from '#base';
import type { Kind, KubeObject, LabelSelector } from '#machinery';

export interface ResourceList {
  [name: string]: string;
}
export interface Resources {
  requests?: ResourceList;
  limits?: ResourceList;
}
export interface Container {
  name: string;
  restartPolicy?: string;
  resources?: Resources;
}
export interface PodAffinityTerm {
  namespaces?: string[];
  namespaceSelector?: LabelSelector;
}
export interface PodAffinity {
  requiredDuringSchedulingIgnoredDuringExecution?: PodAffinityTerm[];
  preferredDuringSchedulingIgnoredDuringExecution?: { podAffinityTerm?: PodAffinityTerm }[];
}
export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
  tolerationSeconds?: number;
}
export interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  resources?: Resources;
  overhead?: ResourceList;
  activeDeadlineSeconds?: number;
  priorityClassName?: string;
  priority?: number;
  preemptionPolicy?: string;
  runtimeClassName?: string;
  nodeSelector?: { [label: string]: string };
  tolerations?: Toleration[];
  affinity?: { podAffinity?: PodAffinity; podAntiAffinity?: PodAffinity };
}
export interface Pod extends KubeObject {
  spec?: PodSpec;
  status?: { phase?: string; qosClass?: string; containerStatuses?: ContainerStatus[]; initContainerStatuses?: ContainerStatus[] };
}
export interface ContainerStatus {
  name: string;
  allocatedResources?: ResourceList;
  resources?: Resources;
}

export const isPods = ({ group, plural }: Pick<Kind, 'group' | 'plural'>): boolean => group === '' && plural === 'pods';
/** Pods that a node made of a file: the API only shows them. */
export const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Exact amounts by resource name. */
export type Amounts = Map<string, Amount>;

export function amountsOf(list: ResourceList | undefined): Amounts {
  const out: Amounts = new Map();
  for (const name in list) {
    const amount = parseAmount(list[name] as string);
    if (amount) out.set(name, amount);
  }
  return out;
}
export function addTo(sum: Amounts, other: Amounts): Amounts {
  return combine(sum, other, addAmounts);
}
export function raiseTo(least: Amounts, other: Amounts): Amounts {
  return combine(least, other, maxAmount);
}
function combine(into: Amounts, other: Amounts, join: (a: Amount, b: Amount) => Amount): Amounts {
  for (const [name, amount] of other) {
    const present = into.get(name);
    into.set(name, present ? join(present, amount) : amount);
  }
  return into;
}

/**
 * The sum of a pod's containers and sidecars, or its largest init container with the sidecars started before it,
 * whichever is more (KEP-753); what the pod itself asks for takes the place of it (KEP-2837). Without overhead.
 * What `container` gives is taken over.
 */
export function podAmounts(spec: PodSpec, of: 'requests' | 'limits', container: (c: Container) => Amounts = (c) => amountsOf(c.resources?.[of])): Amounts {
  const running: Amounts = new Map();
  for (const one of spec.containers ?? []) addTo(running, container(one));
  if (spec.initContainers?.length) raiseTo(running, initAmounts(spec.initContainers, running, container));
  if (spec.resources?.[of]) for (const [name, amount] of amountsOf(spec.resources[of])) running.set(name, amount);
  return running;
}
/** The most that is asked for while starting; sidecars are added to what runs. */
function initAmounts(containers: readonly Container[], running: Amounts, container: (c: Container) => Amounts): Amounts {
  const sidecars: Amounts = new Map();
  const starting: Amounts = new Map();
  for (const one of containers) {
    const amounts = container(one);
    if (one.restartPolicy === 'Always') {
      addTo(running, amounts);
      raiseTo(starting, addTo(sidecars, amounts));
    } else raiseTo(starting, addTo(amounts, sidecars));
  }
  return starting;
}

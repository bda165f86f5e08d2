import { quantityToNumber } from '#base';
import type { Informer } from '#client';
import type { ResourceV1ResourceClaim, V1Container, V1ContainerExtendedResourceRequest, V1DeviceClass, V1DeviceRequest, V1Pod } from '#kinds';

/** Annotation of the claim that the scheduler makes for the extended resources of a pod. */
export const extendedClaimAnnotation = 'resource.kubernetes.io/extended-resource-claim';
const implicitPrefix = 'deviceclass.resource.kubernetes.io/';

/** The class whose devices an extended resource stands for (KEP-5004), by the resource's name. Of several the newest. */
function classesByResource(classes: readonly V1DeviceClass[]): Map<string, string> {
  const out = new Map<string, string>();
  const age = ({ metadata }: V1DeviceClass): string => metadata?.creationTimestamp ?? '';
  const byAge = classes.toSorted((a, b) => (age(a) < age(b) ? -1 : age(a) > age(b) ? 1 : (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? 1 : -1));
  for (const { metadata, spec } of byAge) {
    const name = metadata?.name ?? '';
    out.set(`${implicitPrefix}${name}`, name);
    if (spec?.extendedResourceName) out.set(spec.extendedResourceName, name);
  }
  return out;
}

/** The same, counted anew only when a class has changed. */
export class ResourceClasses {
  readonly #classes: Informer<V1DeviceClass>;
  #known: { readonly at: string; readonly value: ReadonlyMap<string, string> } | undefined;

  constructor(classes: Informer<V1DeviceClass>) {
    this.#classes = classes;
  }
  now(): ReadonlyMap<string, string> {
    const at = this.#classes.resourceVersion;
    if (this.#known?.at !== at || at === '') this.#known = { at, value: classesByResource(this.#classes.list()) };
    return this.#known.value;
  }
}

export interface ExtendedRequests {
  readonly requests: V1DeviceRequest[];
  /** Which containers use which of the requests. */
  readonly mappings: V1ContainerExtendedResourceRequest[];
}
interface Asked {
  readonly name: string;
  readonly count: number;
}

/**
 * Device requests for the extended resources that a node has no device plugin for: one per container and resource, named
 * `container-<index>-request-<index>`. Init containers end before the others start: they use the devices of later containers, and what
 * they need beyond is asked for once, by the largest. `classes`: class by resource.
 */
export function extendedRequests({ spec }: V1Pod, classes: ReadonlyMap<string, string>): ExtendedRequests {
  const init = spec?.initContainers ?? [];
  const containers = [...init, ...(spec?.containers ?? [])];
  const isShort = (at: number): boolean => at < init.length && containers[at]?.restartPolicy !== 'Always';
  const requests: V1DeviceRequest[] = [];
  const mappings: V1ContainerExtendedResourceRequest[] = [];
  for (const [resource, deviceClassName] of [...classes].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const asked = (one: Asked): V1DeviceRequest => ({ name: one.name, exactly: { deviceClassName, allocationMode: 'ExactCount', count: one.count } });
    const uses = (container: V1Container, requestName: string): void =>
      void mappings.push({ containerName: container.name, resourceName: resource, requestName });
    const long = containers.map((container, at) => (isShort(at) ? undefined : askedBy(container, at, resource)));
    long.forEach((one, at) => one && uses(containers[at] as V1Container, one.name));
    const extras: { readonly container: V1Container; readonly extra: Asked }[] = [];
    init.forEach((container, at) => {
      const own = isShort(at) ? askedBy(container, at, resource) : undefined;
      if (!own) return;
      let left = own.count;
      for (const later of long.slice(at)) {
        if (!later || left <= 0) continue;
        uses(container, later.name);
        left -= later.count;
      }
      if (left > 0) extras.push({ container, extra: { ...own, count: left } });
    });
    const largest = extras.reduce<Asked | undefined>((most, { extra }) => (most && most.count >= extra.count ? most : extra), undefined);
    for (const { container } of extras) if (largest) uses(container, largest.name);
    requests.push(...[largest, ...long].flatMap((one) => (one ? [asked(one)] : [])));
  }
  return { requests: requests.toSorted((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}
function askedBy({ resources }: V1Container, at: number, resource: string): Asked | undefined {
  const all = resources?.requests ?? {};
  const count = Math.ceil(quantityToNumber(all[resource]));
  return count > 0 ? { name: `container-${at}-request-${Object.keys(all).toSorted().indexOf(resource)}`, count } : undefined;
}

/** The claim of a pod for its extended resources, as it is made. */
export function extendedClaim({ metadata }: V1Pod, requests: V1DeviceRequest[]): ResourceV1ResourceClaim {
  const { name = '', namespace, uid = '' } = metadata ?? {};
  return {
    metadata: {
      generateName: `${name}-extended-resources-`,
      ...(namespace ? { namespace } : {}),
      annotations: { [extendedClaimAnnotation]: 'true' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec: { devices: { requests } },
  };
}
export const isExtendedClaimOf = ({ metadata }: ResourceV1ResourceClaim, podUid: string): boolean =>
  metadata?.annotations?.[extendedClaimAnnotation] === 'true' && metadata.ownerReferences?.some((one) => one.controller && one.uid === podUid) === true;

import type { KubeObject } from '#machinery';
import type { AdmissionPlugin, AdmissionRequest, ObjectReader } from '../types.ts';
import { amountsOf, isPods, type Pod, type PodSpec, type ResourceList, type Toleration } from './pods.ts';
import { forbidden } from './refusals.ts';

interface RuntimeClass extends KubeObject {
  overhead?: { podFixed?: ResourceList };
  scheduling?: { nodeSelector?: { [label: string]: string }; tolerations?: Toleration[] };
}

/** What a RuntimeClass costs, and which nodes have it, become part of the pods that use it. */
export function runtimeClass(): AdmissionPlugin {
  let reader: ObjectReader;
  const find = (request: AdmissionRequest): RuntimeClass | undefined => {
    const name = (request.object as Pod).spec?.runtimeClassName;
    if (!name) return undefined;
    const found = reader.get('node.k8s.io', 'runtimeclasses', undefined, name);
    if (!found) throw forbidden(request, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    return found;
  };
  return {
    name: 'RuntimeClass',
    handles: isPods,
    operations: ['CREATE'],
    start: (given) => void (reader = given),
    mutate(request) {
      const found = find(request);
      if (!found) return;
      const spec = ((request.object as Pod).spec ??= {});
      setOverhead(request, spec, found);
      setScheduling(request, spec, found);
    },
    validate(request) {
      checkOverhead(request, (request.object as Pod).spec ?? {}, find(request));
    },
  };
}

const mismatch = `pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`;
function setOverhead(request: AdmissionRequest, spec: PodSpec, { overhead }: RuntimeClass): void {
  if (!overhead) return;
  if (spec.overhead && !sameAmounts(spec.overhead, overhead.podFixed)) throw forbidden(request, mismatch);
  spec.overhead = { ...overhead.podFixed };
}
function checkOverhead(request: AdmissionRequest, spec: PodSpec, found: RuntimeClass | undefined): void {
  if (found?.overhead) {
    if (!sameAmounts(spec.overhead, found.overhead.podFixed)) throw forbidden(request, mismatch);
  } else if (spec.overhead) throw forbidden(request, `pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead`);
}
function sameAmounts(a: ResourceList | undefined, b: ResourceList | undefined): boolean {
  const left = amountsOf(a);
  const right = amountsOf(b);
  return left.size === right.size && [...left].every(([name, amount]) => right.get(name)?.nano === amount.nano);
}

function setScheduling(request: AdmissionRequest, spec: PodSpec, { scheduling }: RuntimeClass): void {
  if (!scheduling) return;
  for (const [key, wanted] of Object.entries(scheduling.nodeSelector ?? {})) {
    const present = spec.nodeSelector?.[key];
    if (present !== undefined && present !== wanted)
      throw forbidden(request, `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${wanted}; pod.spec.nodeSelector[${key}] = ${present}`);
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector };
  const present = spec.tolerations ?? [];
  const added = (scheduling.tolerations ?? []).filter((toleration) => !present.some((one) => tolerates(one, toleration)));
  if (added.length > 0) spec.tolerations = [...present, ...added.map((toleration) => ({ ...toleration }))];
}
/** Whether `a` tolerates everything that `b` does. */
function tolerates(a: Toleration, b: Toleration): boolean {
  const keyed = !a.key ? a.operator === 'Exists' : a.key === b.key;
  const valued = a.operator === 'Exists' || (b.operator !== 'Exists' && (a.value ?? '') === (b.value ?? ''));
  const timed = a.tolerationSeconds === undefined || (b.tolerationSeconds !== undefined && b.tolerationSeconds <= a.tolerationSeconds);
  return keyed && valued && timed && (!a.effect || a.effect === b.effect);
}

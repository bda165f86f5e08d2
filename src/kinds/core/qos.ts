import { parseQuantity } from '#base';
import type { V1PodSpec, V1ResourceRequirements } from '../generated/types.ts';

/** What a pod says of CPU and memory: of itself where it does, else of its containers, which then all count. */
function requirements(spec: V1PodSpec): (V1ResourceRequirements | undefined)[] {
  if (spec.resources && Object.keys({ ...spec.resources.limits, ...spec.resources.requests }).length > 0) return [spec.resources];
  return [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.resources);
}

/** Guaranteed when CPU and memory are limited to what is requested; BestEffort when nothing is said; else Burstable. */
export function qosClass(spec: V1PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let any = false;
  let guaranteed = true;
  for (const resources of requirements(spec)) {
    const { limits = {}, requests = {} } = resources ?? {};
    for (const name of ['cpu', 'memory']) {
      const limit = parseQuantity(limits[name] ?? '0') ?? 0;
      const request = parseQuantity(requests[name] ?? limits[name] ?? '0') ?? 0;
      if (limit > 0 || request > 0) any = true;
      if (limit <= 0 || limit !== request) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

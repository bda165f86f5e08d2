import { parseQuantity } from '#base';
import type { V1PodSpec } from '../generated/types.ts';

/** Guaranteed when every container limits CPU and memory to what it requests; BestEffort when none says anything; else Burstable. */
export function qosClass(spec: V1PodSpec): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  let any = false;
  let guaranteed = true;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { limits = {}, requests = {} } = container.resources ?? {};
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

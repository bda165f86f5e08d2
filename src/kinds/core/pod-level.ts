/** Resources of a pod as a whole (KEP-2837): what its containers ask for together, and what that fills in. */
import { formatBytes, parseQuantity } from '#base';
import { canonicalQuantity } from '#machinery';
import type { V1Container, V1PodSpec } from '../generated/types.ts';

type Part = 'requests' | 'limits';
const isHugePages = (name: string): boolean => name.startsWith('hugepages-');
const isPodLevel = (name: string): boolean => name === 'cpu' || name === 'memory' || isHugePages(name);

const amount = (container: V1Container, part: Part, name: string): number => parseQuantity(container.resources?.[part]?.[name] ?? '0') ?? 0;

/**
 * Containers and sidecars run together; an init container runs with the sidecars that started before it. Undefined when
 * no container says anything.
 */
export function aggregate({ containers, initContainers }: V1PodSpec, part: Part, name: string): number | undefined {
  const all = [...(containers ?? []), ...(initContainers ?? [])];
  if (!all.some((container) => container.resources?.[part]?.[name] !== undefined)) return undefined;
  let sidecars = 0;
  let starting = 0;
  for (const container of initContainers ?? []) {
    const own = amount(container, part, name);
    if (container.restartPolicy === 'Always') sidecars += own;
    starting = Math.max(starting, container.restartPolicy === 'Always' ? sidecars : sidecars + own);
  }
  const running = (containers ?? []).reduce((total, container) => total + amount(container, part, name), sidecars);
  return Math.max(running, starting);
}

export function quantityText(name: string, value: number): string {
  if (name === 'cpu') return canonicalQuantity(`${Math.round(value * 1000)}m`) ?? String(value);
  return formatBytes(value);
}

/** The quantity as the only container that names it wrote it, else the sum. */
function aggregateText(spec: V1PodSpec, part: Part, name: string): string | undefined {
  const sum = aggregate(spec, part, name);
  if (sum === undefined) return undefined;
  const written = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap((container) => container.resources?.[part]?.[name] ?? []);
  return written.length === 1 ? written[0] : quantityText(name, sum);
}

function named({ containers, initContainers }: V1PodSpec, part: Part): Set<string> {
  return new Set([...(containers ?? []), ...(initContainers ?? [])].flatMap((container) => Object.keys(container.resources?.[part] ?? {})));
}

/** Only of a pod that says something of itself: huge pages that its containers are limited to, then requests. */
export function defaultPodLevel(spec: V1PodSpec): void {
  const { resources } = spec;
  if (Object.keys({ ...resources?.limits, ...resources?.requests }).length === 0 || !resources) return;
  for (const name of named(spec, 'limits')) {
    if (!isHugePages(name) || resources.limits?.[name] !== undefined || resources.requests?.[name] !== undefined) continue;
    (resources.limits ??= {})[name] = aggregateText(spec, 'limits', name)!;
  }
  if (!resources.limits || Object.keys(resources.limits).length === 0) return;
  const requests: { [name: string]: string } = { ...resources.requests };
  for (const name of named(spec, 'requests')) if (isPodLevel(name) && !isHugePages(name)) requests[name] ??= aggregateText(spec, 'requests', name)!;
  for (const name in resources.limits) if (isPodLevel(name)) requests[name] ??= resources.limits[name]!;
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

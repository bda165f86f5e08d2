import type { V1Pod } from '#kinds';
import { steer } from './behaviour.ts';
import { constant, parseCurve, type Curve } from './curves.ts';

/** What a container uses: CPU in cores, memory in bytes, and the seconds of CPU since its start. */
export interface Usage {
  cpu: number;
  memory: number;
  cpuSeconds: number;
}
export interface UsageCurves {
  readonly cpu: Curve;
  readonly memory: Curve;
}

/** A process that waits for work. */
const idle: UsageCurves = { cpu: constant(0.001), memory: constant(16 * 2 ** 20) };
const parsed = new Map<string, UsageCurves>();
const mostParsed = 5000;

/** Of `batuta.dev/sim-usage: cpu=<curve>;memory=<curve>`, also with commas between where the values are plain. What is missing or malformed is idle. */
export function usageCurves(annotations: Readonly<Record<string, string>>, container: string): UsageCurves {
  const text = steer(annotations, 'usage', container);
  if (text === undefined) return idle;
  const known = parsed.get(text);
  if (known) return known;
  const curves = { ...idle };
  // A comma stands between resources only outside of parentheses.
  for (const part of text.split(/[;,](?![^(]*\))/)) {
    const equals = part.indexOf('=');
    const name = part.slice(0, equals).trim();
    const curve = parseCurve(part.slice(equals + 1));
    if (equals > 0 && curve && (name === 'cpu' || name === 'memory')) curves[name] = curve;
  }
  if (parsed.size >= mostParsed) parsed.clear();
  parsed.set(text, curves);
  return curves;
}

export function usageAt({ cpu, memory }: UsageCurves, seconds: number): Usage {
  const t = Math.max(0, seconds);
  return { cpu: Math.max(0, cpu.at(t)), memory: Math.max(0, Math.round(memory.at(t))), cpuSeconds: Math.max(0, cpu.total(t)) };
}

/**
 * What a container of a simulated pod uses at a time (ms since the epoch), by the pod's annotations and the container's
 * start in its status. Undefined when it does not run.
 */
export function simulatedUsage(pod: V1Pod, container: string, now: number): Usage | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  const started = statuses.find((s) => s.name === container)?.state?.running?.startedAt;
  if (!started) return undefined;
  return usageAt(usageCurves(pod.metadata?.annotations ?? {}, container), (now - Date.parse(started)) / 1000);
}

import { simPrefix } from './behaviour.ts';
import { parseCurve, type Curve } from './curves.ts';

const prefix = `${simPrefix}metric.`;
const known = new Map<string, Curve | undefined>();
const mostKnown = 1000;

/** The metrics that `batuta.dev/sim-metric.NAME: <curve>` gives a pod that runs for so many seconds; undefined when there are none. */
export function simulatedMetrics(annotations: Readonly<Record<string, string>>, seconds: number): { readonly [name: string]: number } | undefined {
  let out: { [name: string]: number } | undefined;
  for (const [key, text] of Object.entries(annotations)) {
    if (!key.startsWith(prefix)) continue;
    if (!known.has(text)) {
      if (known.size >= mostKnown) known.clear();
      known.set(text, parseCurve(text));
    }
    const curve = known.get(text);
    if (curve) (out ??= {})[key.slice(prefix.length)] = curve.at(seconds);
  }
  return out;
}

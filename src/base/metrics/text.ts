import { Histogram, type Family, type Metrics, type Sample } from './metrics.ts';

/** The page in the text format of Prometheus 0.0.4, or of OpenMetrics 1.0.0, which names counters without their suffix and ends with a mark. */
export function renderMetrics(metrics: Metrics, format: 'prometheus' | 'openmetrics' = 'prometheus'): string {
  const open = format === 'openmetrics';
  const lines: string[] = [];
  for (const family of metrics.families()) {
    const before = lines.length;
    for (const [values, sample] of family.samples()) writeSample(lines, family, values, sample, open);
    if (lines.length > before) lines.splice(before, 0, ...head(family, open));
  }
  if (open) lines.push('# EOF');
  return `${lines.join('\n')}\n`;
}

const total = /_total$/;
function head({ name, type, help }: Family, open: boolean): string[] {
  const shown = open && type === 'counter' ? name.replace(total, '') : name;
  const text = help.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'));
  return [`# HELP ${shown} ${open ? text.replaceAll('"', '\\"') : text}`, `# TYPE ${shown} ${type}`];
}

function writeSample(lines: string[], family: Family, values: readonly string[], sample: Sample, open: boolean): void {
  const labels = family.labels.map((label, i) => `${label}="${escapeValue(values[i] ?? '')}"`).join(',');
  if (sample instanceof Histogram) return writeHistogram(lines, family.name, labels, sample, open);
  const name = open && family.type === 'counter' && !total.test(family.name) ? `${family.name}_total` : family.name;
  lines.push(`${name}${labels && `{${labels}}`} ${number(sample.value)}`);
}

function writeHistogram(lines: string[], name: string, labels: string, { bounds, counts, sum, count }: Histogram, open: boolean): void {
  const common = labels && `${labels},`;
  let below = 0;
  for (let i = 0; i < bounds.length; i++) {
    below += counts[i] as number;
    const bound = bounds[i] as number;
    lines.push(`${name}_bucket{${common}le="${open && Number.isInteger(bound) ? bound.toFixed(1) : number(bound)}"} ${below}`);
  }
  lines.push(`${name}_bucket{${common}le="+Inf"} ${count}`);
  const own = labels && `{${labels}}`;
  lines.push(`${name}_sum${own} ${number(sum)}`, `${name}_count${own} ${count}`);
}

function escapeValue(text: string): string {
  return /[\\"\n]/.test(text) ? text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : text;
}
function number(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** One sample of a metrics page. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface ParsedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|[-+]?[0-9.]+(?:e[-+]?\d+)?)$/;
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/**
 * A page in the text format of Prometheus, read as strictly as possible: each family once, help and type before its
 * samples, no sample twice, histograms whole and cumulative. Throws with the line that is wrong.
 */
export function parsePrometheus(text: string): Map<string, ParsedFamily> {
  if (!text.endsWith('\n')) throw new Error('the page does not end with a line end');
  const families = new Map<string, { type: string; help: string; samples: ParsedSample[] }>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, what, name = '', rest = ''] = comment;
      if (what === 'HELP') {
        if (families.has(name)) fail('family twice');
        families.set((current = name), { type: '', help: rest, samples: [] });
      } else if (name !== current || !/^(counter|gauge|histogram|summary)$/.test(rest)) fail('type without its help, or no type');
      else Object.assign(families.get(name) ?? {}, { type: rest });
      continue;
    }
    const parts = sampleLine.exec(line) ?? fail('no sample');
    const sample = { name: parts[1] ?? '', labels: readLabels(parts[2] ?? '', fail), value: Number((parts[3] ?? '').replace('Inf', 'Infinity')) };
    const family = families.get(current) ?? fail('sample without a family');
    const base = family.type === 'histogram' ? sample.name.replace(/_(bucket|sum|count)$/, '') : sample.name;
    if (base !== current) fail(`sample of another family than ${current}`);
    const key = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(key)) fail('sample twice');
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) if (family.type === 'histogram') checkHistogram(name, family.samples);
  return families;
}

function readLabels(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  label.lastIndex = 0;
  while (label.lastIndex < text.length) {
    const found = label.exec(text) ?? fail('bad label');
    const [, name = '', value = ''] = found;
    if (name in labels) fail(`label ${name} twice`);
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const groups = new Map<string, ParsedSample[]>();
  for (const sample of samples) {
    const { le: _, ...rest } = sample.labels;
    const key = JSON.stringify(rest);
    groups.set(key, [...(groups.get(key) ?? []), sample]);
  }
  for (const [key, group] of groups) {
    const buckets = group.filter((s) => s.name === `${name}_bucket`);
    const count = group.find((s) => s.name === `${name}_count`);
    const rising = buckets.every((b, i) => i === 0 || b.value >= (buckets[i - 1] as ParsedSample).value);
    const whole = count && group.some((s) => s.name === `${name}_sum`) && buckets.at(-1)?.labels['le'] === '+Inf' && buckets.at(-1)?.value === count.value;
    if (!rising || !whole) throw new Error(`histogram ${name}${key} is not whole`);
  }
}

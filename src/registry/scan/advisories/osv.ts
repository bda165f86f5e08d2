import { severityOf } from '../severity.ts';
import type { Severity } from '../types.ts';

/** Events of a range, in the order that they were written. */
export interface Range {
  readonly type: 'SEMVER' | 'ECOSYSTEM';
  readonly events: readonly { readonly introduced?: string; readonly fixed?: string; readonly last_affected?: string }[];
}
/** One package that an advisory is about. */
export interface Affected {
  /** With its release: `Debian:12`, `npm`. */
  readonly ecosystem: string;
  readonly package: string;
  readonly ranges: readonly Range[];
  readonly versions: readonly string[];
  readonly severity?: Severity;
  readonly vectors?: readonly string[];
}
/** What we keep of a record in OSV's format (schema 1.7). */
export interface Advisory {
  readonly id: string;
  /** ms since the epoch. */
  readonly modified: number;
  readonly published: number | undefined;
  readonly withdrawn: boolean;
  /** CVEs that it is about; its own id where there are none. */
  readonly names: readonly string[];
  readonly aliases: readonly string[];
  readonly title: string | undefined;
  readonly description: string;
  readonly severity: Severity | undefined;
  readonly vectors: readonly string[];
  readonly references: readonly string[];
  readonly affected: readonly Affected[];
}

type Fields = Record<string, unknown>;
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const stringsOf = (value: unknown): string[] => listOf(value).filter((one) => typeof one === 'string');
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const timeOf = (value: unknown): number | undefined => {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
};

/** Reads a record. Throws an Error that names what is wrong; unknown fields are left out. */
export function readOsv(value: unknown): Advisory {
  const record = fieldsOf(value);
  const id = textOf(record['id']);
  const modified = timeOf(record['modified']);
  if (id === undefined || id.length > 200) throw new Error('it has no id');
  if (modified === undefined) throw new Error(`${id}: modified is no time`);
  const aliases = [...new Set([...stringsOf(record['aliases']), ...stringsOf(record['upstream'])])];
  const { word, vectors } = severityIn(record['severity'], record['database_specific']);
  return {
    id,
    modified,
    published: timeOf(record['published']),
    withdrawn: timeOf(record['withdrawn']) !== undefined,
    names: namesOf(id, aliases),
    aliases,
    title: textOf(record['summary']),
    description: textOf(record['details']) ?? '',
    // Packages that are made to hurt have no rating of their own.
    severity: word ?? (id.startsWith('MAL-') ? 'CRITICAL' : undefined),
    vectors,
    references: listOf(record['references'])
      .flatMap((one) => textOf(fieldsOf(one)['url']) ?? [])
      .slice(0, 50),
    affected: listOf(record['affected']).flatMap((one) => affectedOf(fieldsOf(one))),
  };
}

/** `DEBIAN-CVE-2022-0778` and `ALPINE-CVE-…` are their CVE; a notice (DSA-5103-1) names those that it mends. */
function namesOf(id: string, aliases: readonly string[]): string[] {
  const cves = new Set([id, ...aliases].flatMap((one) => /^(?:[A-Z]+-)?(CVE-\d{4}-\d{4,})$/.exec(one)?.[1] ?? []));
  return cves.size > 0 ? [...cves] : [id];
}
function severityIn(list: unknown, specific: unknown): { word: Severity | undefined; vectors: string[] } {
  let word = severityOf(fieldsOf(specific)['severity']);
  const vectors: string[] = [];
  for (const one of listOf(list)) {
    const { type, score } = fieldsOf(one);
    if (typeof score !== 'string') continue;
    if (typeof type === 'string' && type.startsWith('CVSS_')) vectors.push(score);
    else word ??= severityOf(score);
  }
  return { word, vectors };
}
function affectedOf(entry: Fields): Affected[] {
  const { ecosystem, name } = fieldsOf(entry['package']);
  if (typeof ecosystem !== 'string' || typeof name !== 'string' || ecosystem === '' || name === '') return [];
  const own = severityIn(entry['severity'], entry['database_specific']);
  const specific = fieldsOf(entry['ecosystem_specific']);
  const severity = own.word ?? severityOf(specific['urgency']) ?? severityOf(specific['severity']);
  return [
    {
      ecosystem,
      package: normalName(baseOf(ecosystem), name),
      ranges: listOf(entry['ranges']).flatMap((one) => rangeOf(fieldsOf(one))),
      versions: stringsOf(entry['versions']),
      ...(severity ? { severity } : {}),
      ...(own.vectors.length > 0 ? { vectors: own.vectors } : {}),
    },
  ];
}
/** Ranges of commits say nothing about packages. */
function rangeOf(range: Fields): Range[] {
  const { type } = range;
  if (type !== 'SEMVER' && type !== 'ECOSYSTEM') return [];
  const events = listOf(range['events']).flatMap((one): Range['events'][number][] => {
    const { introduced, fixed, last_affected } = fieldsOf(one);
    if (typeof introduced === 'string') return [{ introduced }];
    if (typeof fixed === 'string') return [{ fixed }];
    return typeof last_affected === 'string' ? [{ last_affected }] : [];
  });
  return [{ type, events }];
}

/** `Debian:12` → `Debian`. */
export const baseOf = (ecosystem: string): string => ecosystem.split(':', 1)[0] ?? '';
/** How an ecosystem compares names. */
export function normalName(base: string, name: string): string {
  if (base === 'PyPI') return name.toLowerCase().replace(/[-_.]+/g, '-');
  return base === 'Packagist' ? name.toLowerCase() : name;
}

import type { AdvisoryDatabase, Known } from './advisories/database.ts';
import { normalName, type Affected, type Range } from './advisories/osv.ts';
import { isOfRelease, languages, releasesOf, type Releases } from './distributions.ts';
import { scoreOf, severityFrom, worst } from './severity.ts';
import { severities, type CvssScore, type Finding, type Inventory, type Package, type ScanMode } from './types.ts';
import { comparers, type Compare } from './versions/index.ts';

/** What is known against an image, worst first; one finding for a vulnerability and a package. */
export function findVulnerabilities(inventory: Inventory, advisories: Pick<AdvisoryDatabase, 'lookup'>, mode: ScanMode): Finding[] {
  const releases = releasesOf(inventory.distribution);
  const findings = new Map<string, Finding>();
  for (const one of inventory.packages) {
    for (const finding of findingsOf(one, releases, advisories, mode)) {
      const key = `${finding.name}\0${one.type}\0${one.name}\0${one.version}\0${one.path}`;
      const other = findings.get(key);
      findings.set(key, other ? merge(other, finding) : finding);
    }
  }
  return [...findings.values()].sort(
    (a, b) =>
      severities.indexOf(a.severity) - severities.indexOf(b.severity) ||
      order(b.name, a.name) ||
      order(a.package.name, b.package.name) ||
      order(a.package.path, b.package.path),
  );
}
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function* findingsOf(one: Package, releases: Releases | undefined, advisories: Pick<AdvisoryDatabase, 'lookup'>, mode: ScanMode): Generator<Finding> {
  const language = languages[one.type];
  if (language === undefined ? releases?.type !== one.type : mode === 'basic') return;
  const base = language ?? (releases as Releases).base;
  for (const { name, version } of namesOf(one)) {
    for (const { advisory, affected } of advisories.lookup(base, normalName(base, name))) {
      if (language === undefined && !isOfRelease(affected.ecosystem, releases as Releases)) continue;
      const verdict = isAffected(affected, version, comparers[one.type]);
      if (verdict) for (const cve of advisory.names) yield findingOf(cve, one, advisory, affected, verdict.fixedIn);
    }
  }
}
/** Debian, Ubuntu and Alpine name sources; those of rpm name what is installed, or sources. */
function namesOf(one: Package): { name: string; version: string }[] {
  const own = { name: one.name, version: one.version };
  if (!one.source) return [own];
  return one.type === 'rpm' ? [own, one.source] : [one.source];
}

/** OSV's evaluation. Undefined: not affected. */
export function isAffected(
  { ranges, versions }: Pick<Affected, 'ranges' | 'versions'>,
  version: string,
  compare: Compare,
): { fixedIn: string | undefined } | undefined {
  for (const range of ranges) {
    const verdict = inRange(range, version, compare);
    if (verdict) return verdict;
  }
  return versions.includes(version) ? { fixedIn: undefined } : undefined;
}
function inRange({ events }: Range, version: string, compare: Compare): { fixedIn: string | undefined } | undefined {
  const marks = events.map((event) => ({ event, at: event.introduced ?? event.fixed ?? event.last_affected ?? '0' }));
  const isBefore = (a: string, b: string): number => (a === '0' ? (b === '0' ? 0 : -1) : b === '0' ? 1 : (compare(a, b) ?? 0));
  marks.sort((a, b) => isBefore(a.at, b.at));
  let affected = false;
  let fixedIn: string | undefined;
  for (const { event, at } of marks) {
    const difference = at === '0' ? 1 : compare(version, at);
    // What cannot be compared must not become a finding, nor hide one that the list of versions makes.
    if (difference === undefined) return undefined;
    if (event.introduced !== undefined && difference >= 0) affected = true;
    else if (event.fixed !== undefined && difference >= 0) affected = false;
    else if (event.last_affected !== undefined && difference > 0) affected = false;
    else if (event.fixed !== undefined) fixedIn ??= event.fixed;
  }
  return affected ? { fixedIn } : undefined;
}

function findingOf(name: string, one: Package, advisory: Known, affected: Affected, fixedIn: string | undefined): Finding {
  const source = /^[A-Z]+/.exec(advisory.id)?.[0] ?? advisory.id;
  const cvss = (affected.vectors ?? advisory.vectors).flatMap((vector) => scoreOf(vector, source) ?? []);
  return {
    name,
    severity: severityFrom(affected.severity ?? advisory.severity, cvss),
    package: one,
    fixedIn,
    title: advisory.title,
    description: advisory.description || (advisory.title ?? ''),
    uri: uriOf(name, advisory),
    references: advisory.references,
    cvss,
    advisories: [advisory.id],
    aliases: [...new Set([advisory.id, ...advisory.aliases])].filter((alias) => alias !== name),
    published: advisory.published,
    updated: advisory.modified,
  };
}
const uriOf = (name: string, advisory: Known): string | undefined =>
  name.startsWith('CVE-') ? `https://nvd.nist.gov/vuln/detail/${name}` : (advisory.references[0] ?? `https://osv.dev/vulnerability/${advisory.id}`);

/** Two advisories say the same of a package: together they tell more. */
function merge(a: Finding, b: Finding): Finding {
  const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];
  const vectors = new Map<string, CvssScore>([...a.cvss, ...b.cvss].map((one) => [one.vector, one]));
  const [severity, other] = [a.severity, b.severity];
  return {
    ...a,
    severity: severity === 'UNDEFINED' ? other : other === 'UNDEFINED' ? severity : worst(severity, other),
    fixedIn: a.fixedIn ?? b.fixedIn,
    title: a.title ?? b.title,
    description: a.description || b.description,
    references: unique([...a.references, ...b.references]).slice(0, 50),
    cvss: [...vectors.values()],
    advisories: unique([...a.advisories, ...b.advisories]),
    aliases: unique([...a.aliases, ...b.aliases]),
    published: a.published ?? b.published,
    updated: Math.max(a.updated ?? 0, b.updated ?? 0) || undefined,
  };
}

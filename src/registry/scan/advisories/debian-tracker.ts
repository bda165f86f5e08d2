import { severityOf } from '../severity.ts';
import type { Advisory, Affected } from './osv.ts';

/** Releases that the tracker names; unstable is none. */
const releases: Record<string, string> = { wheezy: '7', jessie: '8', stretch: '9', buster: '10', bullseye: '11', bookworm: '12', trixie: '13', forky: '14' };

interface Issue {
  readonly description?: string;
  readonly releases?: Record<string, { readonly status?: string; readonly fixed_version?: string; readonly urgency?: string }>;
}

/** Whether a document is the tracker's: source packages, with issues by their id. */
export function isTracker(document: unknown): document is Record<string, Record<string, Issue>> {
  if (typeof document !== 'object' || document === null || Array.isArray(document) || 'id' in document) return false;
  const first = Object.values(document)[0] as unknown;
  return typeof first === 'object' && first !== null && Object.keys(first).every((id) => /^(?:CVE|TEMP)-/.test(id)) && Object.keys(first).length > 0;
}

/** Issues of Debian's security tracker as OSV would tell them, under the ids that OSV gives them. `now` is their time: it has none. */
export function* readTracker(document: Record<string, Record<string, Issue>>, now: number): Generator<Advisory> {
  const byIssue = new Map<string, { issue: Issue; affected: Affected[] }>();
  for (const [name, issues] of Object.entries(document)) {
    for (const [id, issue] of Object.entries(issues)) {
      const entry = byIssue.get(id) ?? { issue, affected: [] };
      byIssue.set(id, entry);
      for (const [release, state] of Object.entries(issue.releases ?? {})) entry.affected.push(...affectedIn(name, release, state));
    }
  }
  for (const [id, { issue, affected }] of byIssue) {
    yield {
      id: `DEBIAN-${id}`, modified: now, published: undefined, withdrawn: false, names: [id], aliases: [id], title: undefined,
      description: issue.description ?? '', severity: undefined, vectors: [],
      references: [`https://security-tracker.debian.org/tracker/${encodeURIComponent(id)}`], affected,
    }; // prettier-ignore
  }
}
function affectedIn(name: string, release: string, { status, fixed_version: fixed, urgency }: NonNullable<Issue['releases']>[string]): Affected[] {
  const number = releases[release];
  // Version 0 says that the release never had it.
  if (number === undefined || fixed === '0' || (status !== 'open' && status !== 'resolved') || (status === 'resolved' && fixed === undefined)) return [];
  const severity = severityOf(urgency);
  const events = [{ introduced: '0' }, ...(status === 'resolved' && fixed !== undefined ? [{ fixed }] : [])];
  return [{ ecosystem: `Debian:${number}`, package: name, ranges: [{ type: 'ECOSYSTEM', events }], versions: [], ...(severity ? { severity } : {}) }];
}

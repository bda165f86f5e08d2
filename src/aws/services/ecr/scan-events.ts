import type { NewEvent } from '../../events/bus.ts';
import { repositoryArn, placeOf, type Ecr } from './ecr.ts';
import { enhancedView } from './enhanced-finding.ts';
import type { ScanEnd, ScanFinding, Scans } from './scans.ts';
import type { Place } from '../../state/table.ts';

/**
 * What the end of a scan is told as: by ECR itself after basic scanning, by Inspector after enhanced scanning (user
 * guide, events for enhanced scanning). An image of no account is nobody's event.
 */
export async function tellScan(ecr: Ecr, end: ScanEnd): Promise<void> {
  const { record } = end;
  const place = placeOf(record.registry);
  if (!place || record.completed === undefined) return;
  const { events } = ecr.deps;
  if (record.mode === 'basic') return events.put(basicScan(place, end));
  if (end.type === 'scan-completed') events.put(enhancedScan(place, end));
  if (end.type === 'scan-failed') return;
  for (const finding of await allFindings(ecr, end)) events.put(findingEvent(ecr, place, end, finding));
}

async function allFindings(ecr: Ecr, { record }: ScanEnd): Promise<readonly ScanFinding[]> {
  const found: ScanFinding[] = [];
  for (let after: string | undefined = '0'; after !== undefined;) {
    const page: Awaited<ReturnType<Scans['findings']>> = await ecr.deps.scans?.findings(record, { limit: 1000, after });
    found.push(...(page?.findings ?? []));
    after = page?.next;
  }
  return found;
}

function basicScan(place: Place, { record, tags }: ScanEnd): NewEvent {
  return {
    'detail-type': 'ECR Image Scan',
    source: 'aws.ecr',
    account: place.account,
    region: place.region,
    ...(record.completed === undefined ? {} : { at: record.completed }),
    resources: [repositoryArn(place, record.repository)],
    detail: {
      'scan-status': record.status,
      'repository-name': record.repository,
      'finding-severity-counts': record.counts,
      'image-digest': record.digest,
      'image-tags': tags,
    },
  };
}
function enhancedScan(place: Place, { record, tags }: ScanEnd): NewEvent {
  const arn = repositoryArn(place, record.repository);
  return {
    'detail-type': 'Inspector2 Scan',
    source: 'aws.inspector2',
    account: place.account,
    region: place.region,
    ...(record.completed === undefined ? {} : { at: record.completed }),
    resources: [arn],
    detail: {
      'scan-status': 'INITIAL_SCAN_COMPLETE',
      'repository-name': arn,
      'finding-severity-counts': { ...record.counts, TOTAL: Object.values(record.counts).reduce<number>((sum, count) => sum + (count ?? 0), 0) },
      'image-digest': record.digest,
      'image-tags': tags,
    },
  };
}

/** Inspector writes times as `Dec 3, 2021, 6:02:30 PM`, in UTC. */
const written = new Intl.DateTimeFormat('en-US', {
  timeZone: 'UTC',
  month: 'short',
  day: 'numeric',
  year: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
});
function withTimes(value: unknown): unknown {
  if (value instanceof Date) return written.format(value).replaceAll('\u202f', ' ');
  if (Array.isArray(value)) return value.map(withTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withTimes(one)]));
}

function findingEvent(ecr: Ecr, place: Place, { record, tags }: ScanEnd, finding: ScanFinding): NewEvent {
  const { repository: name, digest, completed: at = ecr.now } = record;
  const pushedAt = ecr.images(place, name).find((image) => image.digest === digest)?.pushed;
  const { score, scoreDetails, ...view } = enhancedView(finding, { ...place, name, digest, tags, pushedAt, at });
  const scored = score === undefined ? {} : { inspectorScore: score, inspectorScoreDetails: { adjustedCvss: { adjustments: [], ...scoreDetails?.cvss } } };
  return {
    'detail-type': 'Inspector2 Finding',
    source: 'aws.inspector2',
    account: place.account,
    region: place.region,
    at,
    resources: (view.resources ?? []).flatMap(({ id }) => id ?? []),
    detail: withTimes({ ...view, ...scored }) as object,
  };
}

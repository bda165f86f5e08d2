import { randomUUID } from 'node:crypto';
import type { Logger } from '#base';
import type { ScanEvent } from '#registry';

/** EventBridge's `ECR Image Scan` (Amazon ECR events and EventBridge). Undefined for the plain registry, which is nobody's account. */
export function imageScanEvent({ record, tags }: ScanEvent, id: string): object | undefined {
  const [account, region] = record.registry.split('/');
  if (!account || !region || record.completed === undefined) return undefined;
  return {
    version: '0',
    id,
    'detail-type': 'ECR Image Scan',
    source: 'aws.ecr',
    account,
    time: new Date(record.completed).toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [`arn:aws:ecr:${region}:${account}:repository/${record.repository}`],
    detail: {
      'scan-status': record.status,
      'repository-name': record.repository,
      'finding-severity-counts': record.counts,
      'image-digest': record.digest,
      'image-tags': tags,
    },
  };
}

/** Tells of a scan's end in the log of the instance: the event as EventBridge would carry it, since nothing else takes it yet. */
export function reportScan(event: ScanEvent, log: Logger): void {
  const { repository, digest, status, counts, description } = event.record;
  const details = { type: event.type, repository, digest, status, counts, event: imageScanEvent(event, randomUUID()) };
  if (event.type === 'scan-failed') log.warn('scan of an image failed', { ...details, why: description });
  else log.info('image was scanned', details);
}

import type { NewEvent } from '../../events/bus.ts';
import type { Place } from '../../state/table.ts';
import { repositoryArn } from './ecr.ts';

/** Events of ECR (user guide, Amazon ECR events and EventBridge). */
interface Base {
  readonly place: Place;
  readonly name: string;
  readonly digest: string;
  readonly tag?: string | undefined;
}
const tagged = (tag: string | undefined): object => (tag === undefined ? {} : { 'image-tag': tag });
const event = (type: string, { account, region }: Place, resources: readonly string[], detail: object): NewEvent => ({
  'detail-type': type,
  source: 'aws.ecr',
  account,
  region,
  resources,
  detail,
});

export const imageAction = ({ place, name, digest, tag }: Base, action: 'PUSH' | 'DELETE'): NewEvent =>
  event('ECR Image Action', place, [], { result: 'SUCCESS', 'repository-name': name, 'image-digest': digest, 'action-type': action, ...tagged(tag) });

/** What is about another image (it has a subject) is a referrer. `activated` is when it came back, ms since the epoch. */
export const storageClassAction = (
  { place, name, digest }: Base,
  to: 'ARCHIVE' | 'STANDARD',
  { mediaType, artifactType, subject }: { readonly mediaType: string; readonly artifactType: string | undefined; readonly subject: string | undefined },
  activated?: number,
): NewEvent =>
  event(subject === undefined ? 'ECR Image Action' : 'ECR Referrer Action', place, [], {
    'action-type': 'UPDATE_STORAGE_CLASS',
    'target-storage-class': to,
    'image-digest': digest,
    'repository-name': name,
    result: 'SUCCESS',
    'manifest-media-type': mediaType,
    ...(artifactType === undefined ? {} : { 'artifact-media-type': artifactType }),
    ...(activated === undefined ? {} : { 'last-activated-at': new Date(activated).toISOString() }),
  });

/** Told at the destination. */
export const replicationAction = ({ place, name, digest, tag }: Base, from: Place, result: 'SUCCESS' | 'FAILED'): NewEvent =>
  event('ECR Replication Action', place, [repositoryArn(place, name)], {
    result,
    'repository-name': name,
    'image-digest': digest,
    'source-account': from.account,
    'action-type': 'REPLICATE',
    'source-region': from.region,
    ...tagged(tag),
  });

export const pullThroughAction = (
  { place, name, digest, tag }: Omit<Base, 'digest'> & { readonly digest: string | undefined },
  rule: { readonly prefix: string; readonly upstreamRegistryUrl: string },
  failure?: { readonly code: string; readonly reason: string },
): NewEvent =>
  event('ECR Pull Through Cache Action', place, [repositoryArn(place, name)], {
    'rule-version': '1',
    'sync-status': failure ? 'FAILED' : 'SUCCESS',
    'ecr-repository-prefix': rule.prefix,
    'repository-name': name,
    'upstream-registry-url': rule.upstreamRegistryUrl,
    ...tagged(tag),
    ...(digest === undefined ? {} : { 'image-digest': digest }),
    ...(failure ? { 'failure-code': failure.code, 'failure-reason': failure.reason } : {}),
  });

export interface ScanChange {
  readonly name: string;
  readonly frequency: string;
  readonly previous: string;
}
/** With enhanced scanning: repositories whose images are scanned otherwise from now on. */
export const scanResourceChange = (place: Place, changes: readonly ScanChange[]): NewEvent =>
  event('ECR Scan Resource Change', place, [], {
    'action-type': 'SCAN_FREQUENCY_CHANGE',
    repositories: changes.map(({ name, frequency, previous }) => ({
      'repository-name': name,
      'repository-arn': repositoryArn(place, name),
      'scan-frequency': frequency,
      'previous-scan-frequency': previous,
    })),
    'resource-type': 'REPOSITORY',
    'scan-type': 'ENHANCED',
  });

import type {
  DescribeImageScanFindingsRequest,
  DescribeImageScanFindingsResponse,
  ImageScanFindings,
  StartImageScanRequest,
  StartImageScanResponse,
} from '@aws-sdk/client-ecr';
import type { EcrRegistry } from '#kinds';
import { AwsError } from '../../../gateway/errors.ts';
import { imagesOf, repositoryAction, type Ecr } from '../ecr.ts';
import { noScan } from '../errors.ts';
import { enhancedView, type ScannedAt } from '../enhanced-finding.ts';
import { find } from '../find-images.ts';
import type { ScanFinding, ScanRecord, Scans } from '../scans.ts';

function scansOf(ecr: Ecr): Scans {
  if (!ecr.deps.scans) throw new AwsError('NotImplemented', 'Images are not scanned by this instance', { status: 501 });
  return ecr.deps.scans;
}
/** The scanner's word for indexes and artifacts, which have no file system. */
const isUnsupported = (error: unknown): error is Error => error instanceof Error && (error as { reason?: unknown }).reason === 'unsupported-image';
export const modeOf = ({ scanning }: EcrRegistry): 'basic' | 'enhanced' => (scanning?.scanType === 'ENHANCED' ? 'enhanced' : 'basic');

export const startImageScan = (ecr: Ecr) =>
  repositoryAction<StartImageScanRequest, StartImageScanResponse>(ecr, async (input, place) => {
    const { repositoryName: name, imageId } = input;
    const { digest } = find(ecr, place, name, imageId);
    const mode = modeOf(ecr.registry(place));
    if (ecr.repository(place, name).archived?.[digest] !== undefined)
      throw new AwsError('ImageArchivedException', `The image with digest '${digest}' is archived and cannot be scanned`);
    if (mode === 'enhanced')
      throw new AwsError(
        'ValidationException',
        'This feature is disabled: with enhanced scanning images are scanned when they are pushed, by the rules of the registry',
      );
    const { status, description } = await scansOf(ecr)
      .request({ registry: imagesOf(place, name).registry, repository: name, digest }, mode)
      .catch((error: unknown) => {
        throw isUnsupported(error) ? new AwsError('UnsupportedImageTypeException', error.message) : error;
      });
    return { registryId: place.account, repositoryName: name, imageId: { ...imageId, imageDigest: digest }, imageScanStatus: { status, description } };
  });

export const describeImageScanFindings = (ecr: Ecr) =>
  repositoryAction<DescribeImageScanFindingsRequest, DescribeImageScanFindingsResponse>(ecr, async (input, place) => {
    const { repositoryName: name, imageId, maxResults = 100, nextToken } = input;
    const { digest, tags, pushed } = find(ecr, place, name, imageId);
    const image = { registry: imagesOf(place, name).registry, repository: name, digest };
    const found = await scansOf(ecr).findings(image, { limit: maxResults, ...(nextToken === undefined ? {} : { after: nextToken }) });
    if (!found) throw noScan({ imageDigest: digest, ...imageId }, name, place.account);
    const enhanced = modeOf(ecr.registry(place)) === 'enhanced';
    return {
      registryId: place.account,
      repositoryName: name,
      imageId: { ...imageId, imageDigest: digest },
      imageScanStatus: { status: found.record.status, description: found.record.description },
      ...(found.record.completed === undefined
        ? {}
        : {
            imageScanFindings: findingsView(
              found.record,
              found.findings,
              enhanced ? { ...place, name, tags, digest, pushedAt: pushed, at: found.record.completed } : undefined,
            ),
          }),
      ...(found.next === undefined ? {} : { nextToken: found.next }),
    };
  });

function findingsView(record: ScanRecord, findings: readonly ScanFinding[], enhanced: ScannedAt | undefined): ImageScanFindings {
  return {
    ...(record.completed === undefined ? {} : { imageScanCompletedAt: new Date(record.completed) }),
    ...(record.advisoriesUpdated === undefined ? {} : { vulnerabilitySourceUpdatedAt: new Date(record.advisoriesUpdated) }),
    findingSeverityCounts: record.counts as Record<string, number>,
    ...(enhanced ? { enhancedFindings: findings.map((finding) => enhancedView(finding, enhanced)) } : { findings: findings.map(basicView) }),
  };
}

function basicView(finding: ScanFinding): NonNullable<ImageScanFindings['findings']>[number] {
  const best = finding.cvss[0];
  const attributes: [string, string | undefined][] = [
    ['package_version', finding.package.version],
    ['package_name', finding.package.name],
    [`CVSS${best?.version.slice(0, 1) ?? ''}_VECTOR`, best?.vector],
    [`CVSS${best?.version.slice(0, 1) ?? ''}_SCORE`, best && String(best.score)],
    ['fixed_in', finding.fixedIn],
  ];
  return {
    name: finding.name,
    description: finding.description,
    ...(finding.uri === undefined ? {} : { uri: finding.uri }),
    severity: finding.severity as 'HIGH',
    attributes: attributes.flatMap(([key, value]) => (value === undefined ? [] : [{ key, value }])),
  };
}

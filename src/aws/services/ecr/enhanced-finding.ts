import { createHash } from 'node:crypto';
import type { EnhancedImageScanFinding } from '@aws-sdk/client-ecr';
import type { Place } from '../../state/table.ts';
import { partitionOf, repositoryArn } from './ecr.ts';
import type { ScanFinding } from './scans.ts';

/** The image that something was found in. Times are ms since the epoch. */
export interface ScannedAt extends Place {
  readonly name: string;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly pushedAt: number | undefined;
  /** When the scan ended. */
  readonly at: number;
}

/** The same finding has the same ARN after every scan. */
function findingArn({ name, package: one }: ScanFinding, { account, region, ...image }: ScannedAt): string {
  const id = createHash('sha256').update(JSON.stringify([account, region, image.name, image.digest, name, one.type, one.name, one.version, one.path]));
  return `arn:${partitionOf(region)}:inspector2:${region}:${account}:finding/${id.digest('hex').slice(0, 32)}`;
}

/** A finding of enhanced scanning, as ECR and Inspector show it. */
export function enhancedView(finding: ScanFinding, where: ScannedAt): EnhancedImageScanFinding {
  const { package: one, cvss } = finding;
  const best = cvss[0];
  return {
    awsAccountId: where.account,
    findingArn: findingArn(finding, where),
    firstObservedAt: new Date(where.at),
    lastObservedAt: new Date(where.at),
    description: finding.description,
    severity: finding.severity === 'UNDEFINED' ? 'UNTRIAGED' : finding.severity,
    status: 'ACTIVE',
    title: finding.title ?? `${finding.name} - ${one.name}`,
    type: 'PACKAGE_VULNERABILITY',
    fixAvailable: finding.fixedIn === undefined ? 'NO' : 'YES',
    ...(best
      ? { score: best.score, scoreDetails: { cvss: { score: best.score, scoreSource: best.source, scoringVector: best.vector, version: best.version } } }
      : {}),
    updatedAt: new Date(finding.updated ?? where.at),
    remediation: { recommendation: { text: finding.fixedIn === undefined ? 'None Provided' : `Update ${one.name} to ${finding.fixedIn}` } },
    packageVulnerabilityDetails: {
      cvss: cvss.map(({ score, vector, source, version }) => ({ baseScore: score, scoringVector: vector, source, version })),
      referenceUrls: [...finding.references],
      relatedVulnerabilities: [...finding.aliases],
      ...(finding.uri === undefined ? {} : { sourceUrl: finding.uri }),
      ...(finding.published === undefined ? {} : { vendorCreatedAt: new Date(finding.published) }),
      vulnerabilityId: finding.name,
      vulnerablePackages: [
        {
          name: one.name,
          version: one.version,
          filePath: one.path,
          packageManager: one.type.toUpperCase(),
          ...(one.arch === undefined ? {} : { arch: one.arch }),
          ...(one.layer === undefined ? {} : { sourceLayerHash: one.layer }),
          ...(finding.fixedIn === undefined ? {} : { fixedInVersion: finding.fixedIn }),
        },
      ],
    },
    resources: [
      {
        id: `${repositoryArn(where, where.name)}/${where.digest}`,
        type: 'AWS_ECR_CONTAINER_IMAGE',
        details: {
          awsEcrContainerImage: {
            imageHash: where.digest,
            imageTags: [...where.tags],
            ...(where.pushedAt === undefined ? {} : { pushedAt: new Date(where.pushedAt) }),
            registry: where.account,
            repositoryName: where.name,
          },
        },
      },
    ],
  };
}

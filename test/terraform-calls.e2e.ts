/**
 * What Terraform's AWS provider sends for its IAM, ECR and S3 resources, in its order and its shapes: create, read, read
 * again with the same values (an empty plan), change, delete, and the error by which it sees that nothing is left. The
 * provider itself runs where it is installed: test/terraform.e2e.ts.
 */
import { Agent } from 'node:http';
import { ECR } from '@aws-sdk/client-ecr';
import { IAM } from '@aws-sdk/client-iam';
import { S3 } from '@aws-sdk/client-s3';
import { S3Control } from '@aws-sdk/client-s3-control';
import { STS } from '@aws-sdk/client-sts';
import { before, describe } from 'node:test';
import { useCluster } from './harness.ts';
import { ecrReplays } from './terraform/ecr.ts';
import { iamReplays } from './terraform/iam.ts';
import { s3Replays } from './terraform/s3.ts';

describe("Terraform's calls", () => {
  const use = useCluster('--runtime', 'sim', '--nodes', '1');
  let endpoint = '';
  before(async () => {
    const { out } = await use.cluster.batuta('status', '--json');
    endpoint = (JSON.parse(out) as { endpoints: { aws: string } }).endpoints.aws;
  });
  // The SDKs put the account before the host of S3 Control, and not every resolver knows names below localhost.
  const httpAgent = new Agent({
    lookup: (_host, options, done) => (options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)),
  });
  const config = () => ({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } });
  const once = <T>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => (made ??= make());
  };
  const s3 = once(() => new S3({ ...config(), forcePathStyle: true }));
  const control = once(() => new S3Control({ ...config(), endpoint: endpoint.replace('127.0.0.1', 'localhost'), requestHandler: { httpAgent } }));
  const iam = once(() => new IAM(config()));
  const sts = once(() => new STS(config()));
  const ecr = once(() => new ECR(config()));
  describe('S3', () => s3Replays(() => ({ s3: s3(), control: control() })));
  describe('IAM', () => iamReplays(() => ({ iam: iam(), sts: sts() })));
  describe('ECR', () => ecrReplays(ecr));
});

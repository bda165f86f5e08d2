import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run, useCluster } from './harness.ts';

/** Where Terraform itself looks for providers that are here already. */
const places = [
  process.env['TF_PLUGIN_CACHE_DIR'],
  join(homedir(), '.terraform.d/plugins'),
  join(homedir(), '.local/share/terraform/plugins'),
  '/usr/local/share/terraform/plugins',
  '/usr/share/terraform/plugins',
].filter((one) => one !== undefined && existsSync(join(one, 'registry.terraform.io/hashicorp/aws')));

function lacking(): string | false {
  if (spawnSync('terraform', ['version']).error) return 'terraform is not installed';
  return places.length === 0 ? "Terraform's AWS provider is not installed (it is looked for in TF_PLUGIN_CACHE_DIR and ~/.terraform.d/plugins)" : false;
}

const identities = `
resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = data.aws_iam_policy_document.trust.json
  tags               = { team = "a" }
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}
resource "aws_iam_role_policy_attachment" "task" {
  role       = aws_iam_role.task.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}
resource "aws_iam_user" "ci" { name = "ci" }
resource "aws_iam_access_key" "ci" { user = aws_iam_user.ci.name }
resource "aws_ecr_repository" "app" { name = "app" }
resource "aws_ecr_lifecycle_policy" "app" {
  repository = aws_ecr_repository.app.name
  policy     = jsonencode({ rules = [{ rulePriority = 1, selection = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 5 }, action = { type = "expire" } }] })
}
`;
const buckets = `
resource "aws_s3_bucket" "data" {
  bucket        = "tf-data"
  force_destroy = true
  tags          = { team = "a" }
}
resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_public_access_block" "data" {
  bucket              = aws_s3_bucket.data.id
  block_public_acls   = true
  block_public_policy = true
}
resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration { noncurrent_days = 3 }
  }
}
resource "aws_s3_object" "hello" {
  bucket  = aws_s3_bucket.data.id
  key     = "hello"
  content = "hello"
}
`;

describe("Terraform's AWS provider", { skip: lacking() }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-terraform-'));
  const use = useCluster('--runtime', 'sim', '--nodes', '1');
  let endpoint = '';
  before(async () => {
    const { out } = await use.cluster.batuta('status', '--json');
    endpoint = (JSON.parse(out) as { endpoints: { aws: string } }).endpoints.aws;
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function cycle(name: string, configuration: string): Promise<void> {
    const cwd = join(dir, name);
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'main.tf'), provider(endpoint) + configuration);
    const env = {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
      HOME: dir,
      TF_CLI_CONFIG_FILE: '',
    };
    const terraform = async (...args: string[]): Promise<void> => {
      const { code, out, err } = await run('terraform', [...args, '-no-color', '-input=false'], { env, cwd, timeoutMs: 600_000 });
      assert.equal(code, 0, `terraform ${args.join(' ')}: ${out}${err}`);
    };
    await terraform('init', ...places.map((one) => `-plugin-dir=${one}`));
    await terraform('apply', '-auto-approve');
    await terraform('plan', '-detailed-exitcode'); // 2 where anything would change
    await terraform('destroy', '-auto-approve');
  }
  test('IAM and ECR: applied, an empty plan, destroyed', () => cycle('identities', identities));
  test('S3: applied, an empty plan, destroyed', async (t) => {
    // From 6.23 on the provider asks ACCOUNT.localhost for tags of buckets.
    if (!(await lookup('000000000000.localhost').catch(() => undefined))) return t.skip('names below localhost are not resolved on this machine');
    return cycle('buckets', buckets);
  });
});

const provider = (endpoint: string): string => `
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  s3_use_path_style = true
  endpoints {
    s3control = "${endpoint.replace('127.0.0.1', 'localhost')}"
  }
}
`;

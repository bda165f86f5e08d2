import assert from 'node:assert/strict';
import test from 'node:test';
import { parseImage } from './scan.ts';

test('names of images', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const cases: [string, string | undefined, string, string][] = [
    ['app', undefined, 'app', 'latest'],
    ['team/app:1.2', undefined, 'team/app', '1.2'],
    ['localhost:5000/app', '', 'app', 'latest'],
    ['localhost/team/app:1', '', 'team/app', '1'],
    ['127.0.0.3:5000/app:1', '', 'app', '1'],
    ['[::1]:5000/app:1', '', 'app', '1'],
    [`127.0.0.1:5000/app:1@${digest}`, '', 'app', digest],
    ['127.0.0.2:5000/team/app:1', '111111111111/eu-north-1', 'team/app', '1'],
    ['127.0.0.2/app', '111111111111/eu-north-1', 'app', 'latest'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1', '123456789012/eu-west-1', 'app', '1'],
    ['123456789012.dkr-ecr.eu-west-1.on.aws/app:1', '123456789012/eu-west-1', 'app', '1'],
    [`000000000000.dkr.ecr.us-east-1.localhost:5000/a/b@${digest}`, '000000000000/us-east-1', 'a/b', digest],
    ['000000000000.dkr.ecr.us-gov-west-1.localhost/a/b', '000000000000/us-gov-west-1', 'a/b', 'latest'],
  ];
  const loginless = { account: '111111111111', region: 'eu-north-1' };
  for (const [image, registry, repository, reference] of cases)
    assert.deepEqual(
      parseImage(image, () => loginless),
      { registry, repository, reference },
      image,
    );
  for (const host of ['ghcr.io', '128.0.0.2:5000', '12345.dkr.ecr.eu-west-1.amazonaws.com'])
    assert.throws(() => parseImage(`${host}/a/b:1`, () => loginless), new RegExp(`${host} is another registry: copy the image`));
});

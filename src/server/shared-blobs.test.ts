import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageParts } from './shared-blobs.ts';

test('the parts of an image name', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  assert.deepEqual(imageParts('localhost:5000/a/b:1'), { host: 'localhost:5000', repository: 'a/b', reference: '1' });
  assert.deepEqual(imageParts(`123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1@${digest}`), {
    host: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    repository: 'app',
    reference: digest,
  });
  assert.deepEqual(imageParts('localhost/a'), { host: 'localhost', repository: 'a', reference: 'latest' });
  assert.deepEqual([imageParts('nginx:1'), imageParts('library/nginx'), imageParts('/x')], [undefined, undefined, undefined]);
});

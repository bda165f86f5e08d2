import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageName } from './image-name.ts';

test('the parts of an image name', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  assert.deepEqual(imageName('localhost:5000/a/b:1'), { host: 'localhost:5000', repository: 'a/b', reference: '1' });
  assert.deepEqual(imageName(`123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:v1@${digest}`), {
    host: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
    repository: 'app',
    reference: digest,
  });
  assert.deepEqual(imageName('localhost/a'), { host: 'localhost', repository: 'a', reference: 'latest' });
  assert.deepEqual(
    ['nginx:1', 'library/nginx', '/x'].map((image) => imageName(image).host),
    [undefined, undefined, undefined],
  );
});

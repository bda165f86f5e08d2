import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1RuntimeClass } from '#kinds';
import { checkRuntimeClass } from './runtime-class.ts';

const objects = {
  async runtimeClass(name: string): Promise<V1RuntimeClass | undefined> {
    return name === 'none' ? undefined : { metadata: { name }, handler: name };
  },
};
const pod = (runtimeClassName?: string) => ({ metadata: {}, spec: { containers: [], ...(runtimeClassName ? { runtimeClassName } : {}) } });

test('a pod runs with the handler of its RuntimeClass where the node has that', async () => {
  const real = { handlers: ['runc'] };
  await checkRuntimeClass(pod(), objects, real);
  await checkRuntimeClass(pod('runc'), objects, real);
  await checkRuntimeClass(pod('kata'), objects, {});
  await assert.rejects(checkRuntimeClass(pod('kata'), objects, real), /^Error: failed to get sandbox runtime: no runtime for "kata" is configured$/);
  await assert.rejects(checkRuntimeClass(pod('none'), objects, real), /RuntimeClass\.node\.k8s\.io "none" not found/);
});

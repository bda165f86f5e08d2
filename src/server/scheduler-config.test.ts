import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSchedulerConfiguration } from './scheduler-config.ts';

test('the scheduler configuration: read, missing, wrong', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-scheduler-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'scheduler.yaml');
  assert.equal(await loadSchedulerConfiguration(undefined), undefined);
  await assert.rejects(loadSchedulerConfiguration(file), /the scheduler configuration cannot be read: ENOENT/);
  const head = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';
  writeFileSync(file, `${head}profiles:\n- schedulerName: packing\n`);
  assert.equal((await loadSchedulerConfiguration(file))?.profiles[0]?.schedulerName, 'packing');
  writeFileSync(file, `${head}profile: []\n`);
  await assert.rejects(loadSchedulerConfiguration(file), { message: `${file}: unknown field "profile"` });
});

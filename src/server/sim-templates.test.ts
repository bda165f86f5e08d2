import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FakeClock } from '#base';
import { createFakeApi } from '#client';
import { NodeGroup } from '#kinds';
import { applyNodeTemplates, readNodeTemplates } from './sim-templates.ts';

const dir = mkdtempSync(join(tmpdir(), 'batuta-templates-'));
after(() => rmSync(dir, { recursive: true, force: true }));
const file = join(dir, 'nodes.yaml');
const read = (text: string): ReturnType<typeof readNodeTemplates> => {
  writeFileSync(file, text);
  return readNodeTemplates(file);
};

describe('files of node templates', () => {
  test('short forms, lists of them, and NodeGroups', async () => {
    const groups = await read(`
- {name: web, count: 3, instanceType: m5.large, zones: [a, b], labels: {team: x}}
- {name: gpu, count: 0, max: 4, instanceType: g5.xlarge, taints: [{key: gpu, effect: NoSchedule}]}
---
apiVersion: batuta.dev/v1alpha1
kind: NodeGroup
metadata: {name: big}
spec: {replicas: 1, template: {capacity: {cpu: 64}}}
`);
    assert.deepEqual(
      groups.map(({ name, spec }) => [name, spec.replicas, spec.max]),
      [
        ['web', 3, 3],
        ['gpu', 0, 4],
        ['big', 1, 1],
      ],
    );
    assert.deepEqual(groups[0]?.spec.template, { instanceType: 'm5.large', zones: ['a', 'b'], labels: { team: 'x' } });
    assert.deepEqual(groups[2]?.spec.template, { capacity: { cpu: '64' } });
  });
  test('what is wrong is told in one line', async () => {
    const cases: [string, RegExp][] = [
      ['- {count: 3}', /template 1 has no name/],
      ['- {name: a, cuont: 3}', /template 1: unknown field spec\.template\.cuont/],
      ['- {name: a, instanceType: m5.huge}', /a: spec\.template\.instanceType: Unsupported value: "m5.huge"/],
      ['- {name: a, count: -1}', /a: spec\.replicas: Invalid value: -1/],
      ['- 7', /template 1 is not an object/],
      ['a: [', /--sim-template .*nodes\.yaml: /],
    ];
    for (const [text, why] of cases) await assert.rejects(read(text), why, text);
    await assert.rejects(readNodeTemplates(join(dir, 'none.yaml')), /no such file/);
  });
  test('a group that is there keeps its size and gets the rest', async () => {
    const api = createFakeApi(new FakeClock());
    await applyNodeTemplates(api, [{ name: 'web', spec: { replicas: 3, max: 5 } }]);
    api.edit(NodeGroup, undefined, 'web', (group) => void (group.spec = { ...group.spec, replicas: 4 }));
    await applyNodeTemplates(api, [{ name: 'web', spec: { replicas: 3, max: 9 } }]);
    const [group] = api.all(NodeGroup);
    assert.deepEqual([group?.spec?.replicas, group?.spec?.max], [4, 9]);
  });
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { renderKubeconfig } from './kubeconfig.ts';
import { resolvePaths, runningPid, startTicks } from './paths.ts';
import { maxSimNodes, planNetwork, slots } from './plan.ts';

test('slots never overlap, and every node has a range of its own', () => {
  const seen = new Set<string>();
  for (let slot = 0; slot < slots; slot++) {
    const plan = planNetwork(slot, 200, 0);
    for (const cidr of [plan.podCIDR, plan.serviceCIDR]) {
      assert.ok(!seen.has(cidr), cidr);
      seen.add(cidr);
    }
    assert.equal(new Set(plan.nodes.map((n) => n.podCIDR)).size, 200);
  }
});

test('simulated nodes stay inside 100.64.0.0/10', () => {
  const plan = planNetwork(0, 0, maxSimNodes);
  assert.equal(new Set(plan.simNodes.map((n) => n.ip)).size, maxSimNodes);
  for (const node of plan.simNodes) {
    const second = Number(node.ip.split('.')[1]);
    assert.ok(second >= 64 && second < 128, node.ip);
  }
});

test('paths derive from the data directory, and a bad name is bad usage', () => {
  const a = resolvePaths({ dataDir: '/nowhere/a' });
  assert.notEqual(a.id, resolvePaths({ dataDir: '/nowhere/b' }).id);
  assert.match(a.id, /^[0-9a-f]{6}$/);
  assert.ok(a.control.length < 100, 'unix socket paths end at 107 bytes');
  assert.throws(() => resolvePaths({ name: '../x' }), { exitCode: 2 });
});

test('a reused pid is not us', () => {
  const base = { id: 'x', slot: 0, kubePort: 1, awsPort: 2, listen: '', runtime: 'sim' as const, nodes: 0, simNodes: 0, version: '' };
  const ticks = startTicks(process.pid) ?? '';
  assert.equal(runningPid({ ...base, pid: process.pid, startTicks: ticks }), process.pid);
  assert.equal(runningPid({ ...base, pid: process.pid, startTicks: '1' }), undefined);
  assert.equal(runningPid(undefined), undefined);
});

test('the kubeconfig embeds what it needs', () => {
  const text = renderKubeconfig({ server: 'https://127.0.0.1:6443', caPem: 'CA', certPem: 'CERT', keyPem: 'KEY', name: 'batuta' });
  assert.match(text, /certificate-authority-data: Q0E=\n/);
  assert.match(text, /current-context: batuta\n/);
});

/** Typed commands of kubectl from 1.32 send protobuf bodies; those of older ones, JSON. Both end as the same objects. */
import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { eventually, kubectlVersions, useCluster, type Output } from './harness.ts';

interface Item {
  metadata: { name: string; [field: string]: unknown };
  spec?: { [field: string]: unknown };
  data?: { [key: string]: string };
}

/** The newest that still falls back to JSON, and those that send protobuf. */
const versions = kubectlVersions().filter((program) => !/1\.(2\d|30)$/.test(program));

describe('commands that send protobuf', { concurrency: false }, () => {
  const context = useCluster('--runtime', 'sim');
  for (const program of versions) {
    const name = basename(program);
    const namespace = `pb-${name.replaceAll('.', '-')}`;
    const run = async (...args: string[]): Promise<Output> => {
      const result = await context.cluster.tryKubectl(['-n', namespace, ...args], { program });
      assert.equal(result.code, 0, `${name} ${args.join(' ')}: ${result.err}${result.out}`);
      return result;
    };
    const get = async (...args: string[]): Promise<Item> => JSON.parse((await run('get', ...args, '-o', 'json')).out) as Item;

    it(`${name} creates`, async () => {
      const created = await run('create', 'namespace', namespace, '-v=9');
      if (/kubectl\.1\.(3[2-9]|[4-9]\d)$/.test(name)) assert.match(created.err, /Content-Type: application\/vnd\.kubernetes\.protobuf/);
      await run('create', 'deployment', 'web', '--image=nginx', '--replicas=0', '--port=80');
      const web = await get('deployment', 'web');
      assert.equal(web.spec?.['replicas'], 0, 'an explicit zero survives');
      assert.deepEqual(web.spec?.['selector'], { matchLabels: { app: 'web' } });
      assert.equal('generateName' in web.metadata || 'ownerReferences' in web.metadata, false, 'empty strings are left out');
      await run('create', 'service', 'clusterip', 'web', '--tcp=80:8080');
      await run('create', 'service', 'nodeport', 'np', '--tcp=80', '--node-port=0');
      assert.deepEqual((await get('service', 'web')).spec?.['ports'], [{ name: '80-8080', port: 80, protocol: 'TCP', targetPort: 8080 }]);
      await run('create', 'secret', 'generic', 's', '--from-literal=a=b', '--from-literal=empty=');
      assert.deepEqual((await get('secret', 's')).data, { a: 'Yg==', empty: '' });
      await run('create', 'configmap', 'c', '--from-literal=k=ñ');
      assert.deepEqual((await get('configmap', 'c')).data, { k: 'ñ' });
      await run('create', 'serviceaccount', 'bob');
      assert.match((await run('create', 'token', 'bob', '--duration=20m')).out, /^ey[\w-]+\.[\w-]+\.[\w-]+\n?$/);
    });
    it(`${name} runs, exposes, scales, annotates, cordons and drains`, async () => {
      await run('run', 'p', '--image=nginx', '--labels=x=y', '--env=A=b');
      await run('expose', 'pod', 'p', '--port=80');
      await run('scale', 'deployment', 'web', '--replicas=1');
      await run('annotate', 'deployment', 'web', 'note=1');
      await run('rollout', 'status', 'deployment', 'web', '--timeout=120s');
      await run('wait', 'pod', 'p', '--for=condition=Ready', '--timeout=120s');
      const node = (await get('pod', 'p')).spec?.['nodeName'] as string;
      await run('cordon', node);
      assert.match((await run('drain', node, '--ignore-daemonsets', '--force', '--grace-period=1', '--timeout=120s')).out, /pod\/p (evicted|deleted)/);
      await run('uncordon', node);
      await run('rollout', 'status', 'deployment', 'web', '--timeout=120s');
    });
    it(`${name} deletes with options`, async () => {
      await run('run', 'q', '--image=nginx');
      await run('wait', 'pod', 'q', '--for=condition=Ready', '--timeout=120s');
      await run('delete', 'pod', 'q', '--grace-period=1');
      await run('delete', 'deployment', 'web', '--cascade=orphan');
      assert.match((await run('get', 'replicaset', '-o', 'name')).out, /replicaset\.apps\/web-/);
      await run('delete', 'namespace', namespace, '--wait=false');
      await eventually('the namespace is gone', async () => (await context.cluster.tryKubectl(['get', 'namespace', namespace], { program })).code !== 0);
    });
  }
});

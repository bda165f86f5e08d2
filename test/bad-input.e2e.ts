import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { describe } from 'node:test';
import { createCluster, destroy, run, useCluster } from './harness.ts';

interface Answer {
  status: number;
  body: { kind?: string; reason?: string; message?: string; code?: number };
}

describe('bad input', () => {
  const my = useCluster('--runtime', 'sim');

  /** A raw request as the administrator, or with other credentials. */
  function send(
    method: string,
    path: string,
    body: string | Buffer | undefined,
    options: { type?: string; cert?: string; key?: string; token?: string; anonymous?: boolean } = {},
  ): Promise<Answer> {
    const config = readFileSync(my.cluster.kubeconfig, 'utf8');
    const decode = (field: string): string => Buffer.from(new RegExp(`${field}: (\\S+)`).exec(config)?.[1] ?? '', 'base64').toString();
    return new Promise((resolve, reject) => {
      const credentials =
        options.anonymous || options.token ? {} : { cert: options.cert ?? decode('client-certificate-data'), key: options.key ?? decode('client-key-data') };
      const req = request(
        {
          host: '127.0.0.1',
          port: my.cluster.kubePort,
          method,
          path,
          ca: decode('certificate-authority-data'),
          ...credentials,
          headers: {
            ...(body === undefined ? {} : { 'content-type': options.type ?? 'application/json', 'content-length': Buffer.byteLength(body) }),
            ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
          },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (c: Buffer) => chunks.push(c));
          res.on('end', () =>
            resolve({
              status: res.statusCode ?? 0,
              body: (res.headers['content-type']?.includes('json') ? JSON.parse(Buffer.concat(chunks).toString()) : {}) as Answer['body'],
            }),
          );
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  }
  const configMaps = '/api/v1/namespaces/default/configmaps';

  test('malformed JSON is a 400 Status', async () => {
    const answer = await send('POST', configMaps, '{"metadata": {');
    assert.equal(answer.status, 400);
    assert.equal(answer.body.kind, 'Status');
    assert.equal(answer.body.reason, 'BadRequest');
  });

  test('malformed YAML is refused by kubectl and by apply', async () => {
    const answer = await send('PATCH', `${configMaps}/x?fieldManager=t&force=true`, 'a: [b', { type: 'application/apply-patch+yaml' });
    assert.equal(answer.status, 400);
  });

  test('an unknown field is named', async () => {
    const result = await my.cluster.tryKubectl(['create', '-f', '-'], {
      input: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"dta":{"a":"b"}}',
    });
    assert.notEqual(result.code, 0);
    assert.match(result.err, /strict decoding error: unknown field "dta"/);
  });

  test('a wrong type is named', async () => {
    const body = JSON.stringify({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'x' },
      spec: { replicas: 'three', selector: {}, template: {} },
    });
    const answer = await send('POST', '/apis/apps/v1/namespaces/default/deployments', body);
    assert.equal(answer.status, 400);
    assert.match(answer.body.message ?? '', /cannot unmarshal string into Go struct field .*replicas of type int32/);
  });

  test('an invalid object gets every finding', async () => {
    const result = await my.cluster.tryKubectl(['create', '-f', '-'], {
      input: '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"Bad_Name"},"spec":{"containers":[{"name":"a"}],"restartPolicy":"Sometimes"}}',
    });
    assert.match(result.err, /metadata.name: Invalid value: "Bad_Name"/);
    assert.match(result.err, /spec.containers\[0\].image: Required value/);
    assert.match(
      result.err,
      /spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"|spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"/,
    );
  });

  test('an oversized body is a 413', async () => {
    const answer = await send(
      'POST',
      configMaps,
      JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data: { a: randomBytes(2_500_000).toString('base64') } }),
    );
    assert.equal(answer.status, 413);
    assert.equal(answer.body.reason, 'RequestEntityTooLarge');
  });

  test('a conflicting update is a 409 and changes nothing', async () => {
    await my.cluster.kubectl('create', 'configmap', 'contended', '--from-literal=a=1');
    const old = await my.cluster.kubectl('get', 'configmap', 'contended', '-o', 'json');
    await my.cluster.kubectl('patch', 'configmap', 'contended', '-p', '{"data":{"a":"2"}}');
    const result = await my.cluster.tryKubectl(['replace', '-f', '-'], { input: old });
    assert.match(result.err, /the object has been modified; please apply your changes to the latest version and try again/);
    assert.equal(await my.cluster.kubectl('get', 'configmap', 'contended', '-o', 'jsonpath={.data.a}'), '2');
  });

  test('forged and missing credentials are refused', async () => {
    const key = join(my.cluster.dir, 'forged.key');
    const cert = join(my.cluster.dir, 'forged.crt');
    const made = await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '1',
      '-subj',
      '/O=system:masters/CN=admin',
    ]);
    assert.equal(made.code, 0, made.err);
    const forged = await send('GET', configMaps, undefined, { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') });
    assert.equal(forged.status, 401);
    assert.equal((await send('GET', configMaps, undefined, { token: 'nonsense' })).status, 401);
    const anonymous = await send('GET', configMaps, undefined, { anonymous: true });
    assert.ok(anonymous.status === 401 || anonymous.status === 403, String(anonymous.status));
    assert.equal((await send('GET', '/readyz', undefined, { anonymous: true })).status, 200);
  });

  test('unknown paths, kinds and verbs are Status errors', async () => {
    assert.equal((await send('GET', '/api/v1/nothings', undefined)).status, 404);
    assert.equal((await send('GET', '/apis/nope.dev/v1', undefined)).status, 404);
    const result = await my.cluster.tryKubectl(['get', 'nothings']);
    assert.match(result.err, /the server doesn't have a resource type "nothings"/);
  });

  test('the process is still up and ready after all that', async () => {
    assert.equal((await my.cluster.batuta('status')).code, 0);
  });

  test('a second up in the same directory, and a port in use, say what to do', async () => {
    const second = await my.cluster.batuta('up', '--detach', '--runtime', 'sim');
    assert.equal(second.code, 1);
    assert.match(second.err, /already running/);
    const other = await createCluster();
    const squatter = createServer().listen(other.kubePort, '127.0.0.1');
    try {
      const result = await other.batuta('up', '--detach', '--runtime', 'sim', ...other.ports);
      assert.equal(result.code, 1);
      assert.match(result.err, /port \d+.*in use.*--kube-port/s);
      assert.equal(result.err.trim().split('\n').length, 1, 'one line');
    } finally {
      squatter.close();
      await destroy(other);
    }
  });

  test('archives from a directory that is not there: nothing is started', async () => {
    const other = await createCluster();
    const result = await other.batuta('up', '--detach', '--wait', '--runtime', 'sim', '--preload', '/nowhere', ...other.ports);
    assert.equal(result.code, 1);
    assert.equal(result.err.trim(), 'batuta up: --preload /nowhere: no such directory');
    await destroy(other);
  });

  test('who reads only the first line of an answer is left alone', async () => {
    const result = await run('sh', ['-c', `bin/batuta status --data-dir ${my.cluster.dir} | true`]);
    assert.deepEqual([result.code, result.err], [0, '']);
  });

  test('bad usage is exit code 2', async () => {
    for (const args of [['up', '--nodes', 'many'], ['up', '--nonsense'], ['frobnicate'], ['image', 'eat']]) {
      const result = await run('bin/batuta', args);
      assert.equal(result.code, 2, args.join(' '));
      assert.equal(result.err.trim().split('\n').length, 1, result.err);
    }
  });
});

describe('a damaged database', () => {
  test('a truncated file is refused, named, and left alone', async () => {
    const cluster = await createCluster();
    try {
      await cluster.up('--runtime', 'sim');
      await cluster.kubectl('create', 'configmap', 'a', '--from-literal=x=y');
      assert.equal((await cluster.batuta('down')).code, 0);
      const file = join(cluster.dir, 'state.db');
      assert.ok(existsSync(file));
      truncateSync(file, 5000);
      const size = readFileSync(file).length;
      const result = await cluster.batuta('up', '--detach', '--wait', '--runtime', 'sim', ...cluster.ports);
      assert.equal(result.code, 1);
      assert.match(result.err, /state\.db/);
      assert.equal(readFileSync(file).length, size);
      writeFileSync(file, 'this is no database, whatever its name says');
      const again = await cluster.batuta('up', '--detach', '--wait', '--runtime', 'sim', ...cluster.ports);
      assert.equal(again.code, 1);
      assert.match(again.err, /state\.db/);
    } finally {
      await destroy(cluster);
    }
  });

  test(
    'a full disk refuses writes, keeps reads, loses nothing and recovers',
    { skip: process.getuid?.() === 0 ? false : 'needs root to mount a small file system' },
    async () => {
      const cluster = await createCluster();
      const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', cluster.dir]);
      assert.equal(mounted.code, 0, mounted.err);
      try {
        await cluster.up('--runtime', 'sim');
        await cluster.kubectl('create', 'configmap', 'before', '--from-literal=x=y');
        const filler = join(cluster.dir, 'filler');
        await run('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']);
        const big = 'v'.repeat(200_000);
        let refused = false;
        const written: string[] = [];
        for (let i = 0; i < 60 && !refused; i++) {
          const result = await cluster.tryKubectl(['create', '-f', '-'], {
            input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `fill-${i}` }, data: { big } }),
          });
          if (result.code === 0) written.push(`fill-${i}`);
          else {
            refused = true;
            assert.match(result.err, /disk|space|full|unavailable/i);
          }
        }
        assert.ok(refused, 'the disk was never full');
        assert.match(await cluster.kubectl('get', 'configmap', 'before'), /before/);
        await run('rm', ['-f', filler]);
        for (const name of written) await cluster.kubectl('get', 'configmap', name);
        await cluster.kubectl('create', 'configmap', 'after', '--from-literal=x=y');
      } finally {
        await cluster.batuta('down');
        assert.equal((await run('umount', [cluster.dir])).code, 0, 'nothing holds the directory after down');
        await destroy(cluster);
      }
    },
  );
});

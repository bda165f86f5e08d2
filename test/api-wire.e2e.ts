import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { request } from 'node:https';
import test, { before, describe } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { useCluster } from './harness.ts';

interface Meta {
  name: string;
  uid: string;
  resourceVersion: string;
  deletionTimestamp?: string;
  continue?: string;
  remainingItemCount?: number;
  annotations?: Record<string, string>;
}
interface Body {
  kind: string;
  apiVersion: string;
  metadata: Meta;
  items?: { kind?: string; metadata: Meta }[];
  data?: Record<string, string>;
  spec?: { replicas?: number };
  status?: string;
  reason?: string;
  message?: string;
  code?: number;
  details?: { name?: string; kind?: string; causes?: { field: string }[] };
  columnDefinitions?: { name: string }[];
  rows?: { cells: unknown[]; object: { kind: string; spec?: unknown } }[];
}
interface Answer {
  status: number;
  headers: Record<string, unknown>;
  raw: Buffer;
  body: Body;
}
interface Frame {
  type: string;
  object: Body;
}
interface Options {
  body?: unknown;
  type?: string;
  headers?: Record<string, string>;
}

describe('the API on the wire', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
  const field = (name: string): Buffer => Buffer.from(new RegExp(`${name}: (\\S+)`).exec(readFileSync(my.cluster.kubeconfig, 'utf8'))?.[1] ?? '', 'base64');
  const tls = (): { ca: Buffer; cert: Buffer; key: Buffer } => ({
    ca: field('certificate-authority-data'),
    cert: field('client-certificate-data'),
    key: field('client-key-data'),
  });

  function send(method: string, path: string, { body, type = 'application/json', headers = {} }: Options = {}): Promise<Answer> {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const req = request(
        {
          host: '127.0.0.1',
          port: my.cluster.kubePort,
          method,
          path,
          ...tls(),
          headers: { ...(text === undefined ? {} : { 'content-type': type, 'content-length': String(Buffer.byteLength(text)) }), ...headers },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (c: Buffer) => chunks.push(c));
          res.on('end', () => {
            const raw = Buffer.concat(chunks);
            const plain = (res.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
            resolve({
              status: res.statusCode ?? 0,
              headers: res.headers,
              raw,
              body: (plain.startsWith('{') && !plain.trimEnd().includes('\n') ? JSON.parse(plain) : {}) as Body,
            });
          });
        },
      );
      req.on('error', reject);
      req.end(text);
    });
  }
  const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> => send('GET', path, { headers });

  /** Reads a watch until `enough`, or to its end; fails after ten seconds. */
  function watch(
    path: string,
    enough: (frames: readonly Frame[]) => boolean = () => false,
    headers: Record<string, string> = {},
    opened: () => void = () => {},
  ): Promise<Frame[]> {
    return new Promise((resolve, reject) => {
      const frames: Frame[] = [];
      const timer = setTimeout(() => {
        req.destroy();
        reject(new Error(`the watch gave only ${JSON.stringify(frames.map((f) => [f.type, f.object.metadata?.name]))}`));
      }, 60_000);
      const end = (): void => {
        clearTimeout(timer);
        resolve(frames);
      };
      const req = request({ host: '127.0.0.1', port: my.cluster.kubePort, path, ...tls(), headers, agent: false }, (res) => {
        let rest = '';
        res.on('data', (c: Buffer) => {
          rest += c.toString();
          const lines = rest.split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) frames.push(JSON.parse(line) as Frame);
          if (enough(frames)) {
            req.destroy();
            end();
          }
        });
        res.on('end', end);
        res.on('error', () => {});
        opened();
      });
      req.on('error', (error) => (enough(frames) ? undefined : reject(error)));
      req.end();
    });
  }

  const at = '/api/v1/namespaces/wire/configmaps';
  const make = async (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}): Promise<Body> => {
    const answer = await send('POST', at, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data } });
    assert.equal(answer.status, 201, answer.body.message);
    return answer.body;
  };
  const revision = async (): Promise<number> => Number((await get(`${at}?limit=1`)).body.metadata.resourceVersion);
  before(async () => {
    await my.cluster.kubectl('create', 'ns', 'wire');
  });

  describe('lists', () => {
    const selected = `${at}?labelSelector=paged`;
    before(async () => {
      for (let i = 0; i < 5; i++) await make(`p${i}`, {}, { paged: '' });
    });

    test('limit and continue give one snapshot in pages', async () => {
      const first = await get(`${at}?limit=2`);
      assert.equal(first.body.items?.length, 2);
      assert.ok((first.body.metadata.remainingItemCount ?? 0) >= 3);
      assert.equal((await get(`${selected}&limit=2`)).body.metadata.remainingItemCount, undefined, 'not told with a selector');
      const names = first.body.items?.map((i) => i.metadata.name) ?? [];
      const late = await make('p1-late', {}, { paged: '' });
      await send('DELETE', `${at}/p4`);
      let token = first.body.metadata.continue;
      while (token) {
        const next = await get(`${at}?limit=2&continue=${encodeURIComponent(token)}`);
        assert.equal(next.status, 200, next.body.message);
        assert.equal(next.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
        names.push(...(next.body.items ?? []).map((i) => i.metadata.name));
        token = next.body.metadata.continue;
      }
      assert.deepEqual(
        names.filter((n) => n.startsWith('p')),
        ['p0', 'p1', 'p2', 'p3', 'p4'],
        `${late.metadata.name} came after the snapshot, p4 went after it`,
      );
    });

    test('a bad token, and limits with a version', async () => {
      const bad = await get(`${at}?limit=2&continue=nonsense`);
      assert.equal(bad.status, 400);
      assert.match(bad.body.message ?? '', /continue key is not valid/);
      assert.equal((await get(`${at}?resourceVersion=abc`)).status, 400);
      const both = await get(`${at}?continue=${(await get(`${at}?limit=1`)).body.metadata.continue}&resourceVersion=1`);
      assert.equal(both.status, 400);
      assert.match(both.body.message ?? '', /specifying resource version is not allowed when using continue/);
    });

    test('resourceVersionMatch: Exact shows the past, NotOlderThan waits for nothing', async () => {
      const before = await revision();
      await make('newer');
      const past = await get(`${at}?resourceVersion=${before}&resourceVersionMatch=Exact`);
      assert.equal(past.status, 200, past.body.message);
      assert.equal(past.body.metadata.resourceVersion, String(before));
      assert.ok(!past.body.items?.some((i) => i.metadata.name === 'newer'));
      const recent = await get(`${at}?resourceVersion=${before}&resourceVersionMatch=NotOlderThan`);
      assert.ok(recent.body.items?.some((i) => i.metadata.name === 'newer'));
      for (const [query, message] of [
        ['resourceVersionMatch=Exact', /resourceVersionMatch is forbidden unless resourceVersion is provided/],
        ['resourceVersion=0&resourceVersionMatch=Exact', /resourceVersionMatch "exact" is forbidden for resourceVersion "0"/i],
        ['resourceVersion=1&resourceVersionMatch=Nope', /supported values: "?Exact"?, "?NotOlderThan"?/],
      ] as const) {
        const refused = await get(`${at}?${query}`);
        assert.ok(refused.status === 422 || refused.status === 400, `${query}: ${refused.status}`);
        assert.match(refused.body.message ?? '', message);
      }
    });

    test('tables and metadata only', async () => {
      const table = (await get(selected, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).body;
      assert.equal(`${table.apiVersion} ${table.kind}`, 'meta.k8s.io/v1 Table');
      assert.deepEqual(
        table.columnDefinitions?.map((c) => c.name),
        ['Name', 'Data', 'Age'],
      );
      assert.equal(table.rows?.[0]?.object.kind, 'PartialObjectMetadata');
      const whole = (await get(`${selected}&includeObject=Object`, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).body;
      assert.equal(whole.rows?.[0]?.object.kind, 'ConfigMap');
      const metadata = (await get(selected, { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' })).body;
      assert.equal(metadata.kind, 'PartialObjectMetadataList');
      const one = (await get(`${at}/p0`, { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json' })).body;
      assert.equal(`${one.kind} ${one.metadata.name} ${String(one.data !== undefined)}`, 'PartialObjectMetadata p0 false');
      assert.equal((await get(`${at}/p0`, { accept: 'text/html' })).status, 406);
      assert.equal((await get(`${at}/p0`, { accept: 'application/json;as=Nonsense;v=v1;g=meta.k8s.io' })).status, 406);
    });

    test('gzip, for those who ask, from a size on', async () => {
      await make('big', { big: 'x'.repeat(200_000) });
      const zipped = await get(`${at}/big`, { 'accept-encoding': 'gzip' });
      assert.equal(zipped.headers['content-encoding'], 'gzip');
      assert.ok(zipped.raw.length < 20_000);
      assert.equal(zipped.body.data?.['big']?.length, 200_000);
      assert.equal((await get(`${at}/big`)).headers['content-encoding'], undefined);
      await send('DELETE', `${at}/big`);
    });
  });

  describe('watches', () => {
    test('from a version: exactly what came after it, in order', async () => {
      const from = await revision();
      const made = await make('w1', { a: '1' });
      await send('PATCH', `${at}/w1`, { body: { data: { a: '2' } }, type: 'application/merge-patch+json' });
      await send('DELETE', `${at}/w1`);
      const frames = await watch(`${at}?watch=true&resourceVersion=${from}`, (f) => f.length >= 3);
      assert.deepEqual(
        frames.map((f) => `${f.type} ${f.object.kind} ${f.object.data?.['a']}`),
        ['ADDED ConfigMap 1', 'MODIFIED ConfigMap 2', 'DELETED ConfigMap 2'],
      );
      const versions = frames.map((f) => Number(f.object.metadata.resourceVersion));
      assert.equal(versions[0], Number(made.metadata.resourceVersion));
      assert.ok(versions[0]! < versions[1]! && versions[1]! < versions[2]!, String(versions));
    });

    test('an object that leaves or enters the selection is deleted or added', async () => {
      const from = await revision();
      await make('w2', {}, { in: 'no' });
      for (const value of ['yes', 'no'])
        await send('PATCH', `${at}/w2`, { body: { metadata: { labels: { in: value } } }, type: 'application/merge-patch+json' });
      const frames = await watch(`${at}?watch=1&resourceVersion=${from}&labelSelector=in%3Dyes`, (f) => f.length >= 2);
      assert.deepEqual(
        frames.map((f) => f.type),
        ['ADDED', 'DELETED'],
      );
      const byName = await watch(`${at}?watch=1&resourceVersion=${from}&fieldSelector=metadata.name%3Dw2`, (f) => f.length >= 3);
      assert.equal(byName.length, 3);
    });

    test('sendInitialEvents: all there is, a bookmark that says so, then the rest', async () => {
      let opened: () => void = () => {};
      const ready = new Promise<void>((resolve) => (opened = resolve));
      const marked = (f: Frame): boolean => f.type === 'BOOKMARK' && f.object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true';
      const watching = watch(
        `${at}?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=paged`,
        (f) => f.some(marked) && f.at(-1)?.type === 'ADDED' && f.at(-1)?.object.metadata.name === 'w3',
        {},
        opened,
      );
      await ready;
      await make('w3', {}, { paged: '' });
      const frames = await watching;
      const end = frames.findIndex(marked);
      assert.deepEqual(
        frames.slice(0, end).map((f) => f.object.metadata.name),
        ['p0', 'p1', 'p1-late', 'p2', 'p3'],
      );
      assert.ok(Number(frames[end]?.object.metadata.resourceVersion) > 0);
      assert.equal(frames.length, end + 2);
      const refused = await get(`${at}?watch=1&sendInitialEvents=true`);
      assert.equal(refused.status, 422);
      assert.match(refused.body.message ?? '', /sendInitialEvents requires setting resourceVersionMatch to NotOlderThan/);
    });

    test('timeoutSeconds ends it; resourceVersion 0 or none starts with what there is; tables and metadata', async () => {
      const began = Date.now();
      const frames = await watch(`${at}?watch=1&timeoutSeconds=1&labelSelector=paged`);
      assert.ok(Date.now() - began < 5000);
      assert.equal(frames.filter((f) => f.type === 'ADDED').length, 6);
      const tables = await watch(`${at}?watch=1&labelSelector=paged`, (f) => f.length >= 2, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
      assert.equal(tables[0]?.object.kind, 'Table');
      assert.ok(tables[0]?.object.columnDefinitions?.length, 'the first has the columns');
      const slim = await watch(`${at}?watch=1&labelSelector=paged`, (f) => f.length >= 1, {
        accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
      });
      assert.equal(slim[0]?.object.kind, 'PartialObjectMetadata');
      const single = await watch(`${at}?watch=1&fieldSelector=metadata.name%3Dp0`, (f) => f.length >= 1);
      assert.equal(single[0]?.object.metadata.name, 'p0');
    });
  });

  describe('writes', () => {
    test('preconditions and versions', async () => {
      const made = await make('pre');
      const uid = await send('DELETE', `${at}/pre`, { body: { preconditions: { uid: '00000000-0000-0000-0000-000000000000' } } });
      assert.equal(uid.status, 409);
      assert.match(
        uid.body.message ?? '',
        new RegExp(`Precondition failed: UID in precondition: 00000000-0000-0000-0000-000000000000, UID in object meta: ${made.metadata.uid}`),
      );
      await send('PATCH', `${at}/pre`, { body: { data: { a: '1' } }, type: 'application/merge-patch+json' });
      const version = await send('DELETE', `${at}/pre`, { body: { preconditions: { resourceVersion: made.metadata.resourceVersion } } });
      assert.equal(version.status, 409);
      assert.match(version.body.message ?? '', /Precondition failed: ResourceVersion in precondition/);
      const stale = await send('PUT', `${at}/pre`, { body: { ...made, data: { a: '2' } } });
      assert.equal(`${stale.status} ${stale.body.reason}`, '409 Conflict');
      const patched = await send('PATCH', `${at}/pre`, {
        body: { metadata: { resourceVersion: made.metadata.resourceVersion }, data: { a: '3' } },
        type: 'application/merge-patch+json',
      });
      assert.equal(patched.status, 409);
      const gone = await send('DELETE', `${at}/pre`, { body: { preconditions: { uid: made.metadata.uid } } });
      assert.equal(`${gone.status} ${gone.body.kind} ${gone.body.status} ${gone.body.details?.name}`, '200 Status Success pre');
    });

    test('deletecollection takes what is selected and answers with it', async () => {
      for (const i of [1, 2, 3]) await make(`dc${i}`, {}, { dc: i === 3 ? 'b' : 'a' });
      const dry = await send('DELETE', `${at}?labelSelector=dc&dryRun=All`);
      assert.equal(dry.status, 200);
      const answer = await send('DELETE', `${at}?labelSelector=dc%3Da`);
      assert.equal(`${answer.status} ${answer.body.kind}`, '200 ConfigMapList');
      assert.deepEqual(
        answer.body.items?.map((i) => i.metadata.name),
        ['dc1', 'dc2'],
      );
      assert.deepEqual(
        (await get(`${at}?labelSelector=dc`)).body.items?.map((i) => i.metadata.name),
        ['dc3'],
      );
    });

    test('fieldValidation: Strict refuses, Warn warns, Ignore is silent', async () => {
      const odd = (name: string): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, dta: {} });
      const strict = await send('POST', `${at}?fieldValidation=Strict`, { body: odd('strict') });
      assert.equal(strict.status, 400);
      assert.match(strict.body.message ?? '', /strict decoding error: unknown field "dta"/);
      const warn = await send('POST', `${at}?fieldValidation=Warn`, { body: odd('warn') });
      assert.equal(`${warn.status} ${String(warn.headers['warning'])}`, '201 299 - "unknown field \\"dta\\""');
      const ignore = await send('POST', `${at}?fieldValidation=Ignore`, { body: odd('ignore') });
      assert.equal(`${ignore.status} ${String(ignore.headers['warning'])}`, '201 undefined');
      const twice = await send('POST', `${at}?fieldValidation=Strict`, {
        body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}',
      });
      assert.match(twice.body.message ?? '', /duplicate field "data\.a"/);
    });

    test('methods, types and paths that do not fit', async () => {
      assert.equal((await send('POST', `${at}/p0`, { body: {} })).status, 405);
      assert.equal((await send('PATCH', `${at}/p0`, { body: {}, type: 'application/json' })).status, 415);
      assert.equal((await send('POST', at, { body: 'x=y', type: 'application/x-www-form-urlencoded' })).status, 415);
      assert.equal((await get('/api/v1/namespaces/wire/widgets')).status, 404);
      assert.equal((await get('/nowhere')).status, 404);
      const wrong = await send('POST', at, { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } });
      assert.equal(wrong.status, 400);
      const renamed = await send('PUT', `${at}/p0`, { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'p1' } } });
      assert.equal(renamed.status, 400);
      assert.match(renamed.body.message ?? '', /the name of the object \(p1\) does not match the name on the URL \(p0\)/);
    });

    test('scale by PUT, with a version', async () => {
      const deployments = '/apis/apps/v1/namespaces/wire/deployments';
      await send('POST', deployments, {
        body: {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'd' },
          spec: {
            replicas: 0,
            selector: { matchLabels: { a: 'b' } },
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
          },
        },
      });
      const scale = (await get(`${deployments}/d/scale`)).body;
      assert.equal(`${scale.apiVersion} ${scale.kind} ${scale.spec?.replicas ?? 0}`, 'autoscaling/v1 Scale 0');
      const put = await send('PUT', `${deployments}/d/scale`, {
        body: { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'd', namespace: 'wire' }, spec: { replicas: 2 } },
      });
      assert.equal(`${put.status} ${put.body.spec?.replicas}`, '200 2');
      const stale = await send('PUT', `${deployments}/d/scale`, { body: { ...scale, spec: { replicas: 1 } } });
      assert.equal(stale.status, 409);
    });
  });

  test('HTTP/2: the same answers, many streams on one connection, a watch among them', async () => {
    const session = connect(`https://127.0.0.1:${my.cluster.kubePort}`, tls());
    const ask = (path: string, method = 'GET'): Promise<{ status: number; text: string }> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path, ':method': method });
        let status = 0;
        let text = '';
        stream.on('response', (h: IncomingHttpHeaders & { ':status'?: number }) => (status = h[':status'] ?? 0));
        stream.on('data', (c: Buffer) => (text += c.toString()));
        stream.on('end', () => resolve({ status, text }));
        stream.on('error', reject);
        stream.end();
      });
    try {
      const watching = ask(`${at}?watch=1&timeoutSeconds=1&labelSelector=paged`);
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(`${at}/p0`)));
      assert.ok(answers.every((a) => a.status === 200 && a.text === answers[0]?.text));
      assert.equal(answers[0]?.text, (await get(`${at}/p0`)).raw.toString());
      assert.equal(
        (await watching).text
          .trim()
          .split('\n')
          .filter((l) => l.includes('"ADDED"')).length,
        6,
      );
    } finally {
      session.close();
    }
  });

  test('after a restart versions go on, recent watches resume, and those too old are 410 Expired', async () => {
    const first = await revision();
    const objects = (await get(at)).body.items?.map((i) => `${i.metadata.name} ${i.metadata.uid} ${i.metadata.resourceVersion}`);
    const stopped = await my.cluster.batuta('down');
    assert.equal(stopped.code, 0, stopped.err);
    await my.cluster.up('--runtime', 'sim', '--sim-nodes', '1', '--nodes', '0');
    assert.deepEqual(
      (await get(at)).body.items?.map((i) => `${i.metadata.name} ${i.metadata.uid} ${i.metadata.resourceVersion}`),
      objects,
    );
    const made = await make('after-restart');
    assert.ok(Number(made.metadata.resourceVersion) > first);
    const old = await watch(`${at}?watch=1&resourceVersion=1&timeoutSeconds=2`, (f) => f.length > 0);
    assert.equal(`${old[0]?.type} ${old[0]?.object.code} ${old[0]?.object.reason}`, 'ERROR 410 Expired', JSON.stringify(old[0]));
    assert.match(old[0]?.object.message ?? '', /^too old resource version: 1 \(\d+\)$/);
    const resumed = await watch(`${at}?watch=1&resourceVersion=${first}&timeoutSeconds=2`, (f) => f.length > 0);
    assert.ok(['ADDED', 'ERROR'].includes(resumed[0]?.type ?? ''), 'resumed, or told to list again');
    const past = await get(`${at}?resourceVersion=1&resourceVersionMatch=Exact`);
    assert.ok(past.status === 410 || past.status === 200, String(past.status));
  });
});

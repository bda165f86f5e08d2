import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test, { after, before, describe } from 'node:test';
import { Catalog } from './catalog.ts';
import { RegistryError } from './errors.ts';
import { emptyType, imageType, indexType, sha, testRegistry, type TestRegistry } from './testing.ts';

/** The rules of the distribution specification 1.1, one by one. */
describe('registry', () => {
  let my: TestRegistry;
  before(async () => void (my = await testRegistry()));
  after(() => my.stop());

  test('/v2/ says that the protocol is spoken; what is elsewhere is not', async () => {
    const base = await my.call('GET', '/v2/');
    assert.equal(base.status, 200);
    assert.equal(base.headers.get('docker-distribution-api-version'), 'registry/2.0');
    assert.equal((await my.call('GET', '/')).status, 404);
    assert.equal((await my.call('GET', '/v3/')).status, 404);
    const put = await my.call('PUT', '/v2/a/tags/list', { body: 'x' });
    assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD']);
  });

  describe('names', () => {
    for (const name of ['A', 'a..b', '../a', '-a', 'a-', '_a', 'a//b', 'a b', 'ä', 'a'.repeat(256), '.', '%2e%2e', 'a%2f..%2fb']) {
      test(`${name} is no repository`, async () => {
        const asked = await my.call('GET', `/v2/${name}/tags/list`);
        assert.ok(asked.status === 400 || asked.status === 404, String(asked.status));
        const posted = await my.call('POST', `/v2/${name}/blobs/uploads/`);
        assert.ok(posted.status === 400 || posted.status === 404, String(posted.status));
      });
    }
    for (const name of ['a', 'a/b/c', 'a.b', 'a__b', 'a--b', 'a-b_c.d/0', 'blobs/uploads', 'a/manifests/b', 'tags/list']) {
      test(`${name} is one`, async () => {
        const digest = await my.blob(name, name);
        assert.equal((await my.call('HEAD', `/v2/${name}/blobs/${digest}`)).status, 200);
      });
    }
    for (const digest of [
      'sha256:abc',
      `sha256:${'A'.repeat(64)}`,
      `md5:${'a'.repeat(32)}`,
      `sha256:${'a'.repeat(63)}/`,
      'sha256:..%2f..%2fx',
      `sha512:${'a'.repeat(64)}`,
    ]) {
      test(`${digest.slice(0, 20)} is no digest`, async () => {
        assert.ok([400, 404].includes((await my.call('GET', `/v2/a/blobs/${digest}`)).status));
        const put = await my.call('POST', `/v2/a/blobs/uploads/?digest=${digest}`, { body: 'x' });
        assert.deepEqual([put.status, put.code()], [400, 'DIGEST_INVALID']);
      });
    }
    test('a tag has 128 characters at most', async () => {
      await my.image('names', 'T'.repeat(128));
      const put = await my.call('PUT', `/v2/names/manifests/${'T'.repeat(129)}`, { body: '{}' });
      assert.deepEqual([put.status, put.code()], [400, 'TAG_INVALID']);
    });
  });

  describe('blobs', () => {
    test('monolithic: POST with a digest, and POST then PUT', async () => {
      const digest = await my.blob('mono', 'whole');
      const got = await my.call('GET', `/v2/mono/blobs/${digest}`);
      assert.equal(got.body.toString(), 'whole');
      assert.equal(got.headers.get('docker-content-digest'), digest);
      const begun = await my.call('POST', '/v2/mono/blobs/uploads/');
      assert.equal(begun.status, 202);
      const put = await my.call('PUT', `${begun.headers.get('location')}?digest=${sha('two')}`, { body: 'two' });
      assert.deepEqual([put.status, put.headers.get('location'), put.headers.get('docker-content-digest')], [201, `/v2/mono/blobs/${sha('two')}`, sha('two')]);
    });

    test('an empty blob, and one with sha512', async () => {
      const empty = await my.blob('mono', '');
      const got = await my.call('GET', `/v2/mono/blobs/${empty}`);
      assert.deepEqual([got.status, got.body.length], [200, 0]);
      const digest = sha('long', 'sha512');
      assert.equal((await my.call('POST', `/v2/mono/blobs/uploads/?digest=${digest}`, { body: 'long' })).status, 201);
      assert.equal((await my.call('GET', `/v2/mono/blobs/${digest}`)).body.toString(), 'long');
    });

    test('a wrong digest is refused, and nothing of it stays', async () => {
      const wrong = sha('other');
      const uploads = readdirSync(join(my.dir, 'uploads')).length;
      const put = await my.call('POST', `/v2/mono/blobs/uploads/?digest=${wrong}`, { body: 'this' });
      assert.deepEqual([put.status, put.code()], [400, 'DIGEST_INVALID']);
      assert.equal((await my.call('HEAD', `/v2/mono/blobs/${wrong}`)).status, 404);
      assert.equal((await my.call('HEAD', `/v2/mono/blobs/${sha('this')}`)).status, 404);
      assert.equal(readdirSync(join(my.dir, 'uploads')).length, uploads);
    });

    test('chunks, in order; out of order is 416 with where it stands', async () => {
      const begun = await my.call('POST', '/v2/chunks/blobs/uploads/');
      const at = begun.headers.get('location') as string;
      const chunk = (body: string, range: string) => my.call('PATCH', at, { body, headers: { 'content-range': range } });
      const first = await chunk('hello', '0-4');
      assert.deepEqual([first.status, first.headers.get('range')], [202, '0-4']);
      const gap = await chunk('x', '9-9');
      assert.deepEqual([gap.status, gap.headers.get('range'), gap.code()], [416, '0-4', 'RANGE_INVALID']);
      assert.equal((await chunk('hello', '0-4')).status, 416, 'overlapping');
      const lies = await chunk('abc', '5-5');
      assert.deepEqual([lies.status, lies.code()], [400, 'SIZE_INVALID']);
      const status = await my.call('GET', at);
      assert.deepEqual([status.status, status.headers.get('range')], [204, '0-4']);
      assert.equal((await chunk(' world', '5-10')).status, 202);
      const done = await my.call('PUT', `${at}?digest=${sha('hello world')}`);
      assert.equal(done.status, 201);
      assert.equal((await my.call('GET', at)).status, 404, 'the upload is over');
      assert.equal((await my.call('GET', `/v2/chunks/blobs/${sha('hello world')}`)).body.toString(), 'hello world');
    });

    test('an upload is gone on with after a restart, and can be cancelled', async () => {
      const at = (await my.call('POST', '/v2/again/blobs/uploads/')).headers.get('location') as string;
      await my.call('PATCH', at, { body: 'first ' });
      await my.restart();
      assert.equal((await my.call('GET', at)).headers.get('range'), '0-5');
      assert.equal((await my.call('PATCH', at, { body: 'second' })).headers.get('range'), '0-11');
      assert.equal((await my.call('PUT', `${at}?digest=${sha('first second')}`)).status, 201);
      const other = (await my.call('POST', '/v2/again/blobs/uploads/')).headers.get('location') as string;
      assert.equal((await my.call('DELETE', other)).status, 204);
      assert.equal((await my.call('PATCH', other, { body: 'x' })).status, 404);
    });

    test('an upload belongs to its repository', async () => {
      await my.blob('theirs', 'x');
      const at = (await my.call('POST', '/v2/mine/blobs/uploads/')).headers.get('location') as string;
      const stolen = await my.call('PATCH', at.replace('/mine/', '/theirs/'), { body: 'x' });
      assert.deepEqual([stolen.status, stolen.code()], [404, 'BLOB_UPLOAD_UNKNOWN']);
    });

    test('a request cut short keeps what came, exactly', async () => {
      const at = (await my.call('POST', '/v2/cut/blobs/uploads/')).headers.get('location') as string;
      const content = Buffer.alloc(3_000_000, 'abcdefg');
      await new Promise<void>((resolve) => {
        const socket = connect(my.server.port, '127.0.0.1', () => {
          socket.write(`PATCH ${at} HTTP/1.1\r\nhost: x\r\ncontent-length: ${content.length}\r\n\r\n`);
          socket.write(content.subarray(0, 1_500_000), () => socket.destroy());
        });
        socket.once('close', () => resolve());
      });
      let offset = 0;
      for (let status = 409; status === 409;) {
        const asked = await my.call('PATCH', at, { body: '' });
        status = asked.status;
        if (status === 202) offset = asked.headers.get('range') === '0-0' ? 0 : Number(asked.headers.get('range')?.slice(2)) + 1;
      }
      const rest = await my.call('PATCH', at, { body: content.subarray(offset), headers: { 'content-range': `${offset}-${content.length - 1}` } });
      assert.equal(rest.status, 202);
      assert.equal((await my.call('PUT', `${at}?digest=${sha(content)}`)).status, 201);
    });

    test('two requests at a time to one upload: the second is refused', async () => {
      const at = (await my.call('POST', '/v2/race/blobs/uploads/')).headers.get('location') as string;
      const socket = connect(my.server.port, '127.0.0.1');
      const next = () => new Promise<string>((resolve) => socket.once('data', (chunk: Buffer) => resolve(chunk.toString())));
      // The interim answer comes just before the request is handled.
      socket.write(`PATCH ${at} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n`);
      assert.match(await next(), /^HTTP\/1.1 100/);
      socket.write('ab');
      const second = await my.call('PATCH', at, { body: '' });
      assert.deepEqual([second.status, second.code()], [409, 'BLOB_UPLOAD_INVALID']);
      socket.write('cd');
      assert.match(await next(), /^HTTP\/1.1 202/);
      socket.destroy();
      assert.equal((await my.call('PUT', `${at}?digest=${sha('abcd')}`)).status, 201);
    });

    test('ranges and conditions', async () => {
      const digest = await my.blob('ranges', '0123456789');
      const get = (headers: Record<string, string>) => my.call('GET', `/v2/ranges/blobs/${digest}`, { headers });
      const middle = await get({ range: 'bytes=2-4' });
      assert.deepEqual([middle.status, middle.headers.get('content-range'), middle.body.toString()], [206, 'bytes 2-4/10', '234']);
      assert.equal((await get({ range: 'bytes=7-' })).body.toString(), '789');
      assert.equal((await get({ range: 'bytes=-3' })).body.toString(), '789');
      assert.equal((await get({ range: 'bytes=5-100' })).body.toString(), '56789');
      const outside = await get({ range: 'bytes=10-' });
      assert.deepEqual([outside.status, outside.headers.get('content-range')], [416, 'bytes */10']);
      assert.equal((await get({ range: 'bytes=4-2' })).status, 200);
      assert.equal((await get({ range: 'bytes=0-1,4-5' })).status, 200);
      assert.equal((await get({ range: 'bytes=2-4', 'if-range': '"other"' })).status, 200);
      assert.equal((await get({ 'if-none-match': `"${digest}"` })).status, 304);
    });

    test('mounted from another repository; otherwise an upload begins', async () => {
      const digest = await my.blob('source', 'shared');
      const mounted = await my.call('POST', `/v2/target/blobs/uploads/?mount=${digest}&from=source`);
      assert.deepEqual([mounted.status, mounted.headers.get('location')], [201, `/v2/target/blobs/${digest}`]);
      assert.equal((await my.call('GET', `/v2/target/blobs/${digest}`)).body.toString(), 'shared');
      for (const query of [`mount=${sha('nowhere')}&from=source`, `mount=${digest}&from=none`, `mount=${digest}&from=..`]) {
        assert.equal((await my.call('POST', `/v2/target2/blobs/uploads/?${query}`)).status, 202, query);
      }
    });

    test('deleted: from this repository only, and not while a manifest needs it', async () => {
      const digest = await my.blob('source', 'gone soon');
      await my.call('POST', `/v2/keeps/blobs/uploads/?mount=${digest}&from=source`);
      assert.equal((await my.call('DELETE', `/v2/source/blobs/${digest}`)).status, 202);
      assert.equal((await my.call('DELETE', `/v2/source/blobs/${digest}`)).status, 404);
      assert.equal((await my.call('GET', `/v2/keeps/blobs/${digest}`)).status, 200);
      await my.image('needs', 'v1', { layer: 'needed' });
      assert.equal((await my.call('DELETE', `/v2/needs/blobs/${sha('needed')}`)).status, 403);
    });
  });

  describe('manifests', () => {
    test('by tag and by digest, with conditions; a tag moves', async () => {
      const first = await my.image('app', 'v1', { layer: 'one' });
      const byTag = await my.call('GET', '/v2/app/manifests/v1');
      assert.deepEqual([byTag.status, byTag.headers.get('content-type'), byTag.headers.get('docker-content-digest')], [200, imageType, first]);
      assert.equal((await my.call('HEAD', `/v2/app/manifests/${first}`)).headers.get('content-length'), String(byTag.body.length));
      assert.equal((await my.call('GET', '/v2/app/manifests/v1', { headers: { 'if-none-match': `"${first}"` } })).status, 304);
      const second = await my.image('app', 'v1', { layer: 'two' });
      assert.equal((await my.call('GET', '/v2/app/manifests/v1')).headers.get('docker-content-digest'), second);
      assert.equal((await my.call('GET', `/v2/app/manifests/${first}`)).status, 200);
    });

    test('what it names must be there', async () => {
      const body = (digest: string, size: number) =>
        JSON.stringify({ schemaVersion: 2, mediaType: imageType, config: { mediaType: emptyType, digest, size }, layers: [] });
      const put = (content: string) => my.call('PUT', '/v2/lacks/manifests/v1', { body: content, headers: { 'content-type': imageType } });
      const refused = await put(body(sha('{}'), 2));
      assert.deepEqual([refused.status, refused.code()], [400, 'MANIFEST_BLOB_UNKNOWN']);
      assert.equal((await my.call('GET', '/v2/lacks/tags/list')).code(), 'NAME_UNKNOWN', 'no empty repository is left');
      await my.blob('lacks', '{}');
      const lies = await put(body(sha('{}'), 3));
      assert.deepEqual([lies.status, lies.code()], [400, 'SIZE_INVALID']);
      assert.equal((await put(body(sha('{}'), 2))).status, 201);
    });

    test('bad forms', async () => {
      const config = { mediaType: emptyType, digest: await my.blob('bad', '{}'), size: 2 };
      const good = { schemaVersion: 2, mediaType: imageType, config, layers: [] };
      const bad: [string, unknown, string?][] = [
        ['not JSON', '{'],
        ['no object', '[]'],
        ['schema version 1', { ...good, schemaVersion: 1 }],
        ['another media type than Content-Type', { ...good, mediaType: indexType }],
        ['both layers and manifests', { ...good, manifests: [] }],
        ['an index with layers', { schemaVersion: 2, mediaType: indexType, manifests: [], layers: [] }, indexType],
        ['no config', { ...good, config: undefined }],
        ['no layers', { ...good, layers: undefined }],
        ['a bad digest', { ...good, config: { ...config, digest: 'sha256:../../x' } }],
        ['a bad size', { ...good, config: { ...config, size: -1 } }],
        ['annotations that are no strings', { ...good, annotations: { a: 1 } }],
        ['an unknown type', { ...good, mediaType: 'application/x' }, 'application/x'],
      ];
      for (const [what, content, type = imageType] of bad) {
        const body = typeof content === 'string' ? content : JSON.stringify(content);
        const put = await my.call('PUT', '/v2/bad/manifests/v1', { body, headers: { 'content-type': type } });
        assert.deepEqual([put.status, put.code()], [400, 'MANIFEST_INVALID'], what);
      }
      const large = await my.call('PUT', '/v2/bad/manifests/v1', { body: Buffer.alloc(4 * 1024 * 1024 + 1), headers: { 'content-type': imageType } });
      assert.equal(large.status, 413);
      const other = await my.call('PUT', `/v2/bad/manifests/${sha('x')}`, { body: JSON.stringify(good), headers: { 'content-type': imageType } });
      assert.deepEqual([other.status, other.code()], [400, 'DIGEST_INVALID']);
    });

    test('an index needs its manifests', async () => {
      const child = await my.image('multi', '');
      const size = (await my.call('GET', `/v2/multi/manifests/${child}`)).body.length;
      const index = (digest: string) => JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest, size }] });
      const put = (body: string) => my.call('PUT', '/v2/multi/manifests/all', { body, headers: { 'content-type': indexType } });
      assert.equal((await put(index(sha('none')))).code(), 'MANIFEST_BLOB_UNKNOWN');
      assert.equal((await put(index(child))).status, 201);
    });

    test('deleted by tag, then by digest with every tag', async () => {
      const digest = await my.image('del', 'a');
      for (const tag of ['b', 'c']) await my.image('del', tag);
      assert.equal((await my.call('DELETE', '/v2/del/manifests/a')).status, 202);
      assert.deepEqual((await my.call('GET', '/v2/del/tags/list')).json(), { name: 'del', tags: ['b', 'c'] });
      assert.equal((await my.call('DELETE', `/v2/del/manifests/${digest}`)).status, 202);
      assert.deepEqual((await my.call('GET', '/v2/del/tags/list')).json(), { name: 'del', tags: [] });
      assert.equal((await my.call('DELETE', `/v2/del/manifests/${digest}`)).code(), 'MANIFEST_UNKNOWN');
    });

    test('tags and repositories in pages', async () => {
      for (const tag of ['d', 'b', 'a', 'c', 'B']) await my.image('paged', tag);
      const first = await my.call('GET', '/v2/paged/tags/list?n=2');
      assert.deepEqual(first.json(), { name: 'paged', tags: ['B', 'a'] });
      const next = /^<(.+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] as string;
      assert.deepEqual(((await my.call('GET', next)).json() as { tags: string[] }).tags, ['b', 'c']);
      const last = await my.call('GET', '/v2/paged/tags/list?n=2&last=c');
      assert.deepEqual([(last.json() as { tags: string[] }).tags, last.headers.get('link')], [['d'], null]);
      assert.deepEqual(((await my.call('GET', '/v2/paged/tags/list?n=0')).json() as { tags: string[] }).tags, []);
      assert.equal((await my.call('GET', '/v2/paged/tags/list?n=-1')).code(), 'PAGINATION_NUMBER_INVALID');
      assert.ok(((await my.call('GET', '/v2/_catalog')).json() as { repositories: string[] }).repositories.includes('paged'));
      assert.equal((await my.call('GET', '/v2/none/tags/list')).code(), 'NAME_UNKNOWN');
    });

    test('referrers: with and without a filter, also of what is not there', async () => {
      const subject = await my.image('sub', 'v1');
      const size = (await my.call('GET', `/v2/sub/manifests/${subject}`)).body.length;
      const extra = { subject: { mediaType: imageType, digest: subject, size }, artifactType: 'application/sbom', annotations: { who: 'me' } };
      const sbom = await my.image('sub', '', { extra });
      const plain = await my.image('sub', '', { extra: { subject: extra.subject } });
      type Index = {
        mediaType: string;
        manifests: { digest: string; artifactType: string; annotations?: object }[];
      };
      const all = (await my.call('GET', `/v2/sub/referrers/${subject}`)).json() as Index;
      assert.equal(all.mediaType, indexType);
      assert.deepEqual(all.manifests.map((m) => m.digest).sort(), [sbom, plain].sort());
      assert.equal(all.manifests.find((m) => m.digest === plain)?.artifactType, emptyType);
      const some = await my.call('GET', `/v2/sub/referrers/${subject}?artifactType=application/sbom`);
      assert.equal(some.headers.get('oci-filters-applied'), 'artifactType');
      assert.deepEqual(
        (some.json() as Index).manifests.map((m) => [m.digest, m.annotations]),
        [[sbom, { who: 'me' }]],
      );
      assert.deepEqual(((await my.call('GET', `/v2/never/referrers/${subject}`)).json() as Index).manifests, []);
      const early = { mediaType: imageType, digest: sha('later'), size: 5 };
      await my.image('sub', '', { extra: { subject: early } });
      assert.equal(((await my.call('GET', `/v2/sub/referrers/${early.digest}`)).json() as Index).manifests.length, 1);
      const body = JSON.stringify({
        schemaVersion: 2,
        mediaType: imageType,
        config: { mediaType: emptyType, digest: sha('{}'), size: 2 },
        layers: [],
        subject: early,
      });
      const put = await my.call('PUT', `/v2/sub/manifests/${sha(body)}`, { body, headers: { 'content-type': imageType } });
      assert.equal(put.headers.get('oci-subject'), early.digest);
    });
  });
});

describe('space is given back', () => {
  const hour = 60 * 60 * 1000;

  test('what is unused for a day goes; what is used stays', async () => {
    const my = await testRegistry({ collectEveryMs: 10 * 365 * 24 * hour });
    try {
      const kept = await my.image('app', 'v1', { layer: 'kept' });
      const dropped = await my.image('app', 'v2', { layer: 'dropped' });
      const loose = await my.blob('app', 'loose');
      const at = (await my.call('POST', '/v2/app/blobs/uploads/')).headers.get('location') as string;
      await my.call('PATCH', at, { body: 'half' });
      await my.call('DELETE', `/v2/app/manifests/${dropped}`);
      assert.deepEqual(await my.server.registry.collect(), { uploads: 0, links: 0, blobs: 0 });
      await my.clock.advance(25 * hour);
      assert.deepEqual(await my.server.registry.collect(), { uploads: 1, links: 2, blobs: 2 });
      assert.equal((await my.call('HEAD', `/v2/app/blobs/${sha('dropped')}`)).status, 404);
      assert.equal((await my.call('HEAD', `/v2/app/blobs/${loose}`)).status, 404);
      assert.equal((await my.call('GET', `/v2/app/blobs/${sha('kept')}`)).body.toString(), 'kept');
      assert.equal((await my.call('GET', `/v2/app/manifests/${kept}`)).status, 200);
      assert.equal((await my.call('PATCH', at, { body: 'x' })).status, 404);
    } finally {
      await my.stop();
    }
  });

  test('a blob that a client was told of stays until its manifest comes', async () => {
    const my = await testRegistry({ collectEveryMs: 10 * 365 * 24 * hour });
    try {
      const digest = await my.blob('app', 'asked for');
      await my.clock.advance(23 * hour);
      assert.equal((await my.call('HEAD', `/v2/app/blobs/${digest}`)).status, 200);
      await my.clock.advance(2 * hour);
      assert.equal((await my.server.registry.collect()).links, 0);
      assert.equal((await my.call('HEAD', `/v2/app/blobs/${digest}`)).status, 200);
    } finally {
      await my.stop();
    }
  });
});

describe('who may do what', () => {
  test('every endpoint asks; a mount does not read what the caller may not', async () => {
    const asked: string[] = [];
    const my = await testRegistry({
      authorize: ({ action, repository }) => {
        asked.push(`${action} ${repository ?? '-'}`);
        if (repository === 'secret' && asked.at(-1) === 'pull secret') throw new RegistryError('DENIED', 'no');
        if (action === 'delete') throw new RegistryError('UNAUTHORIZED', 'who are you', undefined, { headers: { 'www-authenticate': 'Basic realm="test"' } });
      },
    });
    try {
      const digest = await my.blob('secret', 'hidden');
      assert.equal((await my.call('GET', `/v2/secret/blobs/${digest}`)).status, 403);
      assert.equal((await my.call('POST', `/v2/open/blobs/uploads/?mount=${digest}&from=secret`)).status, 202);
      const refused = await my.call('DELETE', '/v2/open/manifests/v1');
      assert.deepEqual([refused.status, refused.headers.get('www-authenticate')], [401, 'Basic realm="test"']);
      await my.call('GET', '/v2/');
      assert.ok(asked.includes('pull -') && asked.includes('delete open') && asked.includes('push open'));
    } finally {
      await my.stop();
    }
  });

  test('rules: a repository that may not be made, a tag that may not move', async () => {
    const my = await testRegistry({
      rules: {
        create: (_registry, name) => {
          if (name !== 'made') throw new RegistryError('NAME_UNKNOWN', 'make it first');
        },
        tag: (_registry, _name, tag, digest, current) => {
          if (current !== undefined && current !== digest) throw new RegistryError('DENIED', `tag ${tag} is immutable`);
        },
      },
    });
    try {
      assert.equal((await my.call('POST', '/v2/other/blobs/uploads/')).code(), 'NAME_UNKNOWN');
      await my.image('made', 'v1');
      await my.image('made', 'v1');
      await assert.rejects(my.image('made', 'v1', { layer: 'new' }), /immutable/);
    } finally {
      await my.stop();
    }
  });
});

describe('what an owner asks', () => {
  let my: TestRegistry;
  const operations: string[] = [];
  before(async () => void (my = await testRegistry({ authorize: ({ operation }) => void operations.push(operation) })));
  after(() => my.stop());

  test('images with their tags and pulls, the newest first; a deleted repository takes them along', async () => {
    const first = await my.image('team/a', 'v1', { layer: 'one' });
    await my.clock.advance(1000);
    const second = await my.image('team/a', 'v2', { layer: 'two' });
    await my.call('GET', '/v2/team/a/manifests/v1');
    const repository = { registry: '', name: 'team/a' };
    const images = my.server.registry.images(repository);
    assert.deepEqual(
      images.map((i) => [i.digest, i.tags, i.pulled]),
      [
        [second, ['v2'], undefined],
        [first, ['v1'], my.clock.now()],
      ],
    );
    assert.ok(my.server.registry.deleteRepository(repository));
    assert.deepEqual(my.server.registry.images(repository), []);
    assert.ok(!my.server.registry.deleteRepository(repository));
  });
  test('every request tells what it does', async () => {
    operations.length = 0;
    const digest = await my.image('team/b', 'v1');
    await my.call('HEAD', `/v2/team/b/blobs/${digest}`);
    await my.call('DELETE', `/v2/team/b/manifests/v1`);
    for (const operation of ['manifest-write', 'blob-check', 'manifest-delete']) assert.ok(operations.includes(operation), operations.join(' '));
  });
  test('a catalog of the format before is read', async () => {
    const file = join(my.dir, 'older.db');
    new Catalog(file).close();
    const older = new DatabaseSync(file);
    older.exec('DROP TABLE pulls; PRAGMA user_version = 1;');
    older.close();
    const catalog = new Catalog(file);
    assert.deepEqual(catalog.images(catalog.createRepository('', 'a', 1)), []);
    catalog.close();
  });
});

import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { RegistryError, type ErrorCode } from './errors.ts';
import { emptyType, imageType, indexType, sha, testRegistry, type Answer, type TestRegistry } from './testing.ts';

/**
 * What a registry must and should do by the OCI distribution specification 1.1, a test for each rule, in the
 * specification's order. Cases at the edges of these rules are in registry.test.ts.
 */
describe('distribution specification 1.1', () => {
  let my: TestRegistry;
  before(async () => void (my = await testRegistry()));
  after(() => my.stop());

  const image = (more: object = {}): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: imageType, config: { mediaType: emptyType, digest: sha('{}'), size: 2 }, layers: [], ...more });
  const put = (name: string, reference: string, body: string, type = imageType): Promise<Answer> =>
    my.call('PUT', `/v2/${name}/manifests/${reference}`, { body, headers: { 'content-type': type } });
  /** An image of no layers; gives its digest. */
  async function push(name: string, reference: string, more: object = {}): Promise<string> {
    await my.blob(name, '{}');
    const body = image(more);
    const answer = await put(name, reference || sha(body), body);
    assert.equal(answer.status, 201, answer.body.toString());
    return sha(body);
  }
  const begin = async (name: string): Promise<Answer> => {
    const answer = await my.call('POST', `/v2/${name}/blobs/uploads/`);
    assert.equal(answer.status, 202);
    return answer;
  };
  const location = (answer: Answer): string => answer.headers.get('location') ?? '';

  describe('determining support', () => {
    test('MUST answer 200 at /v2/', async () => {
      assert.equal((await my.call('GET', '/v2/')).status, 200);
    });
    test('MUST answer 401 at /v2/ to who must log in first, and SHOULD say how', async () => {
      const asks = await testRegistry({
        authorize: () => {
          throw new RegistryError('UNAUTHORIZED', 'log in', undefined, { headers: { 'www-authenticate': 'Basic realm="test"' } });
        },
      });
      try {
        const answer = await asks.call('GET', '/v2/');
        assert.deepEqual([answer.status, answer.headers.get('www-authenticate'), answer.code()], [401, 'Basic realm="test"', 'UNAUTHORIZED']);
      } finally {
        await asks.stop();
      }
    });
  });

  describe('pulling manifests', () => {
    test('MUST answer 200 with the manifest as it was pushed, SHOULD with its media type and digest', async () => {
      const body = `${image()}\n`;
      await my.blob('pull', '{}');
      await put('pull', 'v1', body);
      for (const reference of ['v1', sha(body)]) {
        const got = await my.call('GET', `/v2/pull/manifests/${reference}`);
        assert.deepEqual([got.status, got.body.toString(), got.headers.get('content-type')], [200, body, imageType]);
        assert.equal(got.headers.get('docker-content-digest'), sha(body));
      }
    });
    test('MUST answer 404 for a manifest or a repository that is not there', async () => {
      await push('pull', 'v2');
      for (const reference of ['none', sha('none')]) {
        const got = await my.call('GET', `/v2/pull/manifests/${reference}`);
        assert.deepEqual([got.status, got.code()], [404, 'MANIFEST_UNKNOWN']);
      }
      const nowhere = await my.call('GET', '/v2/nowhere/manifests/v1');
      assert.deepEqual([nowhere.status, nowhere.code()], [404, 'NAME_UNKNOWN']);
    });
  });

  describe('pulling blobs', () => {
    test('MUST answer 200 with the blob, SHOULD with its digest; 404 for one that is not there', async () => {
      const digest = await my.blob('pull', 'a blob');
      const got = await my.call('GET', `/v2/pull/blobs/${digest}`);
      assert.deepEqual([got.status, got.body.toString(), got.headers.get('docker-content-digest')], [200, 'a blob', digest]);
      const none = await my.call('GET', `/v2/pull/blobs/${sha('none')}`);
      assert.deepEqual([none.status, none.code()], [404, 'BLOB_UNKNOWN']);
    });
    test('SHOULD give ranges: 206 with Content-Range, 416 outside of the blob', async () => {
      const digest = await my.blob('pull', '0123456789');
      const range = (value: string) => my.call('GET', `/v2/pull/blobs/${digest}`, { headers: { range: value } });
      const part = await range('bytes=3-5');
      assert.deepEqual([part.status, part.headers.get('content-range'), part.body.toString()], [206, 'bytes 3-5/10', '345']);
      const outside = await range('bytes=10-12');
      assert.deepEqual([outside.status, outside.headers.get('content-range')], [416, 'bytes */10']);
    });
  });

  describe('checking if content exists', () => {
    test('MUST answer HEAD with 200, SHOULD with size and digest, without a body', async () => {
      const digest = await push('head', 'v1');
      for (const path of [`/v2/head/manifests/v1`, `/v2/head/manifests/${digest}`, `/v2/head/blobs/${sha('{}')}`]) {
        const [got, head] = [await my.call('GET', path), await my.call('HEAD', path)];
        assert.deepEqual([head.status, head.body.length, head.headers.get('content-length')], [200, 0, String(got.body.length)], path);
        assert.equal(head.headers.get('docker-content-digest'), got.headers.get('docker-content-digest'));
      }
    });
    test('MUST answer HEAD with 404 when it is not there', async () => {
      for (const path of ['/v2/head/manifests/none', `/v2/head/manifests/${sha('none')}`, `/v2/head/blobs/${sha('none')}`]) {
        const head = await my.call('HEAD', path);
        assert.deepEqual([head.status, head.body.length], [404, 0], path);
      }
    });
  });

  describe('pushing a blob monolithically', () => {
    test('POST MUST answer 202 with a Location; PUT there MUST answer 201 with where the blob is pulled', async () => {
      const at = location(await begin('mono'));
      const done = await my.call('PUT', `${at}?digest=${sha('one')}`, { body: 'one', headers: { 'content-type': 'application/octet-stream' } });
      assert.equal(done.status, 201);
      assert.equal((await my.call('GET', location(done))).body.toString(), 'one');
    });
    test('a single POST with the digest: 201 with where the blob is pulled', async () => {
      const done = await my.call('POST', `/v2/mono/blobs/uploads/?digest=${sha('two')}`, { body: 'two' });
      assert.equal(done.status, 201);
      assert.equal((await my.call('GET', location(done))).body.toString(), 'two');
    });
    test('SHOULD refuse content of another digest, and one without a digest', async () => {
      const at = location(await begin('mono'));
      const wrong = await my.call('PUT', `${at}?digest=${sha('other')}`, { body: 'this' });
      assert.deepEqual([wrong.status, wrong.code()], [400, 'DIGEST_INVALID']);
      const none = await my.call('PUT', location(await begin('mono')), { body: 'this' });
      assert.deepEqual([none.status, none.code()], [400, 'DIGEST_INVALID']);
    });
    test('MAY know further digest algorithms: sha512', async () => {
      const digest = sha('long', 'sha512');
      const done = await my.call('PUT', `${location(await begin('mono'))}?digest=${digest}`, { body: 'long' });
      assert.deepEqual([done.status, done.headers.get('docker-content-digest')], [201, digest]);
      assert.equal((await my.call('GET', `/v2/mono/blobs/${digest}`)).body.toString(), 'long');
      const unknown = await my.call('PUT', `${location(await begin('mono'))}?digest=md5:${'0'.repeat(32)}`, { body: 'long' });
      assert.deepEqual([unknown.status, unknown.code()], [400, 'DIGEST_INVALID']);
    });
  });

  describe('pushing a blob in chunks', () => {
    const chunk = (at: string, body: string, start: number, method = 'PATCH', query = '') =>
      my.call(method, at + query, { body, headers: { 'content-range': `${start}-${start + body.length - 1}` } });

    test('each chunk MUST be answered 202 with a Location and a Range; the last may come with the PUT', async () => {
      const begun = await begin('chunks');
      assert.equal(begun.headers.get('oci-chunk-min-length'), '0', 'chunks of every size');
      const first = await chunk(location(begun), 'hello', 0);
      assert.deepEqual([first.status, first.headers.get('range')], [202, '0-4']);
      const second = await chunk(location(first), ', ', 5);
      assert.deepEqual([second.status, second.headers.get('range')], [202, '0-6']);
      const done = await chunk(location(second), 'you', 7, 'PUT', `?digest=${sha('hello, you')}`);
      assert.equal(done.status, 201);
      assert.equal((await my.call('GET', location(done))).body.toString(), 'hello, you');
    });
    test('a chunk out of order MUST be answered 416, in a PATCH and in a PUT, and the upload goes on', async () => {
      const at = location(await begin('chunks'));
      await chunk(at, 'abc', 0);
      for (const start of [0, 2, 4]) assert.equal((await chunk(at, 'x', start)).status, 416, String(start));
      const last = await chunk(at, 'x', 9, 'PUT', `?digest=${sha('abcx')}`);
      assert.deepEqual([last.status, last.code(), last.headers.get('range')], [416, 'RANGE_INVALID', '0-2']);
      assert.equal((await chunk(at, 'd', 3, 'PUT', `?digest=${sha('abcd')}`)).status, 201);
    });
    test('GET of an upload MUST answer 204 with a Location and a Range', async () => {
      const at = location(await begin('chunks'));
      await chunk(at, 'abcd', 0);
      const status = await my.call('GET', at);
      assert.deepEqual([status.status, status.headers.get('range')], [204, '0-3']);
      assert.equal((await chunk(location(status), 'e', 4)).headers.get('range'), '0-4');
    });
    test('DELETE of an upload answers 204; what is no upload is 404 to every method', async () => {
      const at = location(await begin('chunks'));
      assert.equal((await my.call('DELETE', at)).status, 204);
      for (const [method, query] of [
        ['GET', ''],
        ['PATCH', ''],
        ['PUT', `?digest=${sha('x')}`],
        ['DELETE', ''],
      ]) {
        const answer = await my.call(method as string, `${at}${query}`, method === 'GET' || method === 'DELETE' ? {} : { body: 'x' });
        assert.deepEqual([answer.status, answer.code()], [404, 'BLOB_UPLOAD_UNKNOWN'], method);
      }
    });
  });

  describe('mounting a blob', () => {
    test('MUST answer 201 with where it is pulled; MUST begin an upload where it cannot be mounted', async () => {
      const digest = await my.blob('source', 'to be mounted');
      const mounted = await my.call('POST', `/v2/target/blobs/uploads/?mount=${digest}&from=source`);
      assert.equal(mounted.status, 201);
      assert.equal((await my.call('GET', location(mounted))).body.toString(), 'to be mounted');
      const cannot = await my.call('POST', `/v2/target/blobs/uploads/?mount=${sha('nowhere')}&from=source`);
      assert.equal(cannot.status, 202);
      assert.equal((await my.call('PUT', `${location(cannot)}?digest=${sha('nowhere')}`, { body: 'nowhere' })).status, 201);
    });
    test('MAY find the source by itself when `from` is absent: only where the caller may read', async () => {
      const asked: string[] = [];
      const other = await testRegistry({
        authorize: ({ operation, repository, into }) => {
          if (operation !== 'blob-mount') return;
          asked.push(`${repository} into ${into}`);
          if (repository === 'a/secret') throw new RegistryError('DENIED', 'no');
        },
      });
      try {
        const digest = await other.blob('a/secret', 'hidden');
        const mount = () => other.call('POST', `/v2/target/blobs/uploads/?mount=${digest}`);
        assert.equal((await mount()).status, 202);
        await other.blob('b/open', 'hidden');
        assert.equal((await mount()).status, 201);
        assert.deepEqual(asked, ['a/secret into target', 'a/secret into target', 'b/open into target']);
        assert.equal((await other.call('POST', `/v2/target/blobs/uploads/?mount=${sha('nowhere')}`)).status, 202);
      } finally {
        await other.stop();
      }
    });
  });

  describe('pushing manifests', () => {
    test('MUST answer 201 with a Location where it is pulled, SHOULD with its digest; by tag and by digest', async () => {
      await my.blob('manifests', '{}');
      const body = image({ annotations: { n: '1' } });
      for (const reference of ['v1', sha(body)]) {
        const done = await put('manifests', reference, body);
        assert.deepEqual([done.status, done.headers.get('docker-content-digest')], [201, sha(body)]);
        assert.equal((await my.call('GET', location(done))).body.toString(), body);
      }
    });
    test('by a digest of sha512: it is pulled by that', async () => {
      await my.blob('manifests', '{}');
      const body = image({ annotations: { n: '512' } });
      const digest = sha(body, 'sha512');
      const done = await put('manifests', digest, body);
      assert.deepEqual([done.status, done.headers.get('docker-content-digest')], [201, digest]);
      assert.equal((await my.call('GET', `/v2/manifests/manifests/${digest}`)).body.toString(), body);
    });
    test('SHOULD take manifests of 4 MiB; larger ones are refused with 413', async () => {
      await my.blob('manifests', '{}');
      const empty = image({ annotations: { filler: '' } }).length;
      const of = (size: number) => image({ annotations: { filler: 'x'.repeat(size - empty) } });
      const most = 4 * 1024 * 1024;
      assert.equal((await put('manifests', 'large', of(most))).status, 201);
      const refused = await put('manifests', 'larger', of(most + 1));
      assert.deepEqual([refused.status, refused.code()], [413, 'MANIFEST_INVALID']);
    });
    test('MAY refuse what names blobs or manifests that are not there', async () => {
      const blob = await put('manifests', 'lacks', image({ layers: [{ mediaType: 'text/plain', digest: sha('none'), size: 4 }] }));
      assert.deepEqual([blob.status, blob.code()], [400, 'MANIFEST_BLOB_UNKNOWN']);
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType: imageType, digest: sha('none'), size: 4 }] });
      const manifest = await put('manifests', 'lacks', index, indexType);
      assert.deepEqual([manifest.status, manifest.code()], [400, 'MANIFEST_BLOB_UNKNOWN']);
    });
    test('a subject MUST be answered with OCI-Subject, whether it is there or not, in images and indexes', async () => {
      const subject = { mediaType: imageType, digest: sha('not yet'), size: 7 };
      await my.blob('manifests', '{}');
      const first = await put('manifests', 'with-subject', image({ subject }));
      assert.deepEqual([first.status, first.headers.get('oci-subject')], [201, subject.digest]);
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [], subject });
      const second = await put('manifests', 'index-with-subject', index, indexType);
      assert.deepEqual([second.status, second.headers.get('oci-subject')], [201, subject.digest]);
      const plain = await put('manifests', 'without', image());
      assert.equal(plain.headers.get('oci-subject'), null);
    });
  });

  describe('listing tags', () => {
    before(async () => {
      for (const tag of ['v10', 'v9', 'a', 'B', 'c']) await push('tags', tag);
    });
    const list = async (query: string) => {
      const got = await my.call('GET', `/v2/tags/tags/list${query}`);
      const { name, tags } = got.json() as { name: string; tags: string[] };
      assert.deepEqual([got.status, name], [200, 'tags']);
      return { tags, next: /^<(.+)>; rel="next"$/.exec(got.headers.get('link') ?? '')?.[1] };
    };
    test('MUST be in lexical order; 404 for an unknown repository', async () => {
      assert.deepEqual(await list(''), { tags: ['B', 'a', 'c', 'v10', 'v9'], next: undefined });
      assert.equal((await my.call('GET', '/v2/unknown/tags/list')).status, 404);
    });
    test('n MUST limit them; a Link SHOULD lead to the next ones, and there is none at the end', async () => {
      const seen: string[][] = [];
      for (let query: string | undefined = '?n=2'; query !== undefined;) {
        const { tags, next }: { tags: string[]; next: string | undefined } = await list(query);
        seen.push(tags);
        query = next?.replace('/v2/tags/tags/list', '');
      }
      assert.deepEqual(seen, [['B', 'a'], ['c', 'v10'], ['v9']]);
    });
    test('n of 0 MUST give none, and no Link', async () => {
      assert.deepEqual(await list('?n=0'), { tags: [], next: undefined });
    });
    test('last MUST begin after that tag, which need not exist', async () => {
      assert.deepEqual((await list('?last=a')).tags, ['c', 'v10', 'v9']);
      assert.deepEqual((await list('?last=b&n=1')).tags, ['c']);
      assert.deepEqual(await list('?last=zzz'), { tags: [], next: undefined });
    });
  });

  describe('listing referrers', () => {
    interface Index {
      schemaVersion: number;
      mediaType: string;
      manifests: object[];
    }
    const referrers = async (name: string, digest: string, query = '') => my.call('GET', `/v2/${name}/referrers/${digest}${query}`);

    test('MUST answer 200 with an index, empty where nothing refers; MUST NOT answer 404', async () => {
      for (const name of ['tags', 'unknown']) {
        const got = await referrers(name, sha('nothing'));
        assert.deepEqual([got.status, got.headers.get('content-type')], [200, indexType]);
        assert.deepEqual(got.json(), { schemaVersion: 2, mediaType: indexType, manifests: [] });
      }
    });
    test('MUST answer 400 to what is no digest', async () => {
      const got = await referrers('tags', 'sha256:abc');
      assert.deepEqual([got.status, got.code()], [400, 'DIGEST_INVALID']);
    });
    test('descriptors MUST have the artifact type (of the configuration where there is none), and annotations', async () => {
      const subject = { mediaType: imageType, digest: sha('a subject'), size: 9 };
      const typed = await push('refs', '', { subject, artifactType: 'application/sbom', annotations: { a: 'b' } });
      const untyped = await push('refs', '', { subject });
      const index = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [], subject, artifactType: 'application/list' });
      await put('refs', sha(index), index, indexType);
      const size = async (digest: string) => (await my.call('GET', `/v2/refs/manifests/${digest}`)).body.length;
      const found = ((await referrers('refs', subject.digest)).json() as Index).manifests;
      const wanted = [
        { mediaType: imageType, digest: typed, size: await size(typed), artifactType: 'application/sbom', annotations: { a: 'b' } },
        { mediaType: imageType, digest: untyped, size: await size(untyped), artifactType: emptyType },
        { mediaType: indexType, digest: sha(index), size: index.length, artifactType: 'application/list' },
      ];
      assert.deepEqual(new Set(found.map((one) => JSON.stringify(one))), new Set(wanted.map((one) => JSON.stringify(one))));
    });
    test('a filter by artifactType is applied, and MUST be named in OCI-Filters-Applied', async () => {
      const filtered = await referrers('refs', sha('a subject'), '?artifactType=application/sbom');
      assert.deepEqual([filtered.headers.get('oci-filters-applied'), (filtered.json() as Index).manifests.length], ['artifactType', 1]);
      assert.equal((await referrers('refs', sha('a subject'))).headers.get('oci-filters-applied'), null);
    });
    test('a referrer that is deleted is gone from the list; the list outlives its subject', async () => {
      const digest = await push('refs', 'subject', { annotations: { this: 'one' } });
      const about = { subject: { mediaType: imageType, digest, size: 1 }, artifactType: 'application/x' };
      const [first, second] = [await push('refs', '', about), await push('refs', '', { ...about, annotations: { n: '2' } })];
      const names = async () => ((await referrers('refs', digest)).json() as { manifests: { digest: string }[] }).manifests.map((one) => one.digest);
      assert.equal((await my.call('DELETE', `/v2/refs/manifests/${first}`)).status, 202);
      assert.deepEqual(await names(), [second]);
      await my.call('DELETE', `/v2/refs/manifests/${digest}`);
      assert.deepEqual(await names(), [second]);
    });
  });

  describe('content management', () => {
    test('deleting a tag MUST answer 202, and leave the manifest and its other tags', async () => {
      const digest = await push('delete', 'a');
      await push('delete', 'b');
      assert.equal((await my.call('DELETE', '/v2/delete/manifests/a')).status, 202);
      assert.equal((await my.call('GET', '/v2/delete/manifests/a')).status, 404);
      for (const reference of ['b', digest]) assert.equal((await my.call('GET', `/v2/delete/manifests/${reference}`)).status, 200);
    });
    test('deleting a manifest MUST answer 202, and what is gone is 404', async () => {
      const digest = await push('delete', 'c', { annotations: { c: '1' } });
      assert.equal((await my.call('DELETE', `/v2/delete/manifests/${digest}`)).status, 202);
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        for (const reference of ['c', digest]) assert.equal((await my.call(method, `/v2/delete/manifests/${reference}`)).status, 404);
      }
    });
    test('deleting a blob MUST answer 202, and what is gone is 404', async () => {
      const digest = await my.blob('delete', 'short-lived');
      assert.equal((await my.call('DELETE', `/v2/delete/blobs/${digest}`)).status, 202);
      for (const method of ['GET', 'HEAD', 'DELETE']) assert.equal((await my.call(method, `/v2/delete/blobs/${digest}`)).status, 404);
    });
  });

  describe('errors and warnings', () => {
    test('MUST have a JSON body of errors, each with a code of the table, and a message', async () => {
      await push('errors', 'v1');
      const at = location(await begin('errors'));
      const cases: [ErrorCode, number, string, string, string?][] = [
        ['BLOB_UNKNOWN', 404, 'GET', `/v2/errors/blobs/${sha('none')}`],
        ['BLOB_UPLOAD_INVALID', 400, 'PATCH', at, 'x'],
        ['BLOB_UPLOAD_UNKNOWN', 404, 'GET', '/v2/errors/blobs/uploads/none'],
        ['DIGEST_INVALID', 400, 'GET', '/v2/errors/referrers/none'],
        ['MANIFEST_BLOB_UNKNOWN', 400, 'PUT', '/v2/errors/manifests/v2', image({ layers: [{ mediaType: 'a/b', digest: sha('none'), size: 4 }] })],
        ['MANIFEST_INVALID', 400, 'PUT', '/v2/errors/manifests/v2', '{}'],
        ['MANIFEST_UNKNOWN', 404, 'GET', '/v2/errors/manifests/none'],
        ['NAME_INVALID', 400, 'GET', '/v2/Errors/tags/list'],
        ['NAME_UNKNOWN', 404, 'GET', '/v2/none/tags/list'],
        ['SIZE_INVALID', 400, 'PUT', '/v2/errors/manifests/v2', image({ config: { mediaType: emptyType, digest: sha('{}'), size: 3 } })],
        ['DENIED', 403, 'DELETE', `/v2/errors/blobs/${sha('{}')}`],
        ['UNSUPPORTED', 405, 'POST', '/v2/errors/tags/list', ''],
      ];
      for (const [code, status, method, path, body] of cases) {
        const headers = code === 'BLOB_UPLOAD_INVALID' ? { 'content-range': 'nonsense' } : { 'content-type': imageType };
        const answer = await my.call(method, path, body === undefined ? {} : { body, headers });
        assert.deepEqual([answer.status, answer.headers.get('content-type'), answer.code()], [status, 'application/json', code], code);
        const { errors } = answer.json() as { errors: { message?: unknown }[] };
        assert.ok(
          errors.every(({ message }) => typeof message === 'string' && message !== ''),
          code,
        );
      }
    });
    test('the codes of the specification have the status that they are answered with', () => {
      const table = { UNAUTHORIZED: 401, DENIED: 403, UNSUPPORTED: 405, TOOMANYREQUESTS: 429, NAME_UNKNOWN: 404, MANIFEST_BLOB_UNKNOWN: 400 } as const;
      for (const [code, status] of Object.entries(table)) assert.equal(new RegistryError(code as ErrorCode, 'x').status, status);
    });
    test('MAY warn: 299, no agent, a quoted text', async () => {
      await my.blob('warn', '{}');
      const untyped = JSON.stringify({ ...(JSON.parse(image()) as object), mediaType: undefined });
      const done = await put('warn', 'v1', untyped);
      assert.equal(done.status, 201);
      assert.equal(done.headers.get('warning'), '299 - "the manifest has no mediaType: name it, so that nobody takes it for something else"');
      const layers = [{ mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar', digest: sha('far'), size: 3, urls: ['https://example.com/far'] }];
      assert.match((await put('warn', 'v2', image({ layers }))).headers.get('warning') ?? '', /^299 - "1 layer is not kept here/);
      assert.equal((await put('warn', 'v3', image())).headers.get('warning'), null);
    });
  });
});

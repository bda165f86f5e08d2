import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type ClientHttp2Stream } from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { serveHttps, type HttpsFixture } from '../testing/https.ts';
import { Note } from '../test-support.ts';

describe('long bodies', () => {
  let https: HttpsFixture;
  const texts = Array.from({ length: 30 }, (_, i) => `${i} é `.repeat(20_000));
  before(async () => {
    https = await serveHttps({}, [{ token: 'root', user: { username: 'root', groups: ['system:masters'] } }]);
    for (const [i, text] of texts.entries()) await https.api.create(Note, { metadata: { name: `n${String(i).padStart(2, '0')}` }, data: { text } });
  });
  after(() => https.close());

  it('arrive whole, also beside each other', async () => {
    const answers = await Promise.all(Array.from({ length: 4 }, () => https.call('GET', '/api/v1/notes')));
    for (const { code, headers, body } of answers) {
      assert.equal(code, 200);
      assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
      const { items } = JSON.parse(body) as { items: { data: { text: string } }[] };
      assert.deepEqual(
        items.map((item) => item.data.text),
        texts,
      );
    }
  });

  it('arrive whole over HTTP/2, and end with their client there too', async () => {
    const port = https.server.address?.port ?? 0;
    const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const open = (): ClientHttp2Stream => session.request({ ':path': '/api/v1/notes', authorization: 'Bearer root' });
    const gone = open();
    await once(gone, 'data');
    gone.close();
    const chunks: Buffer[] = [];
    for await (const chunk of open()) chunks.push(chunk as Buffer);
    const { items } = JSON.parse(Buffer.concat(chunks).toString()) as { items: { data: { text: string } }[] };
    assert.deepEqual(
      items.map((item) => item.data.text),
      texts,
    );
    session.close();
  });

  it('keep what they said, whatever is listed while they are read', async () => {
    const listed = (body: string): string[] => (JSON.parse(body) as { items: { data: { text: string } }[] }).items.map((item) => item.data.text);
    const read = async (stream: AsyncIterable<unknown>): Promise<string> => {
      const chunks: Buffer[] = [];
      for await (const chunk of stream) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString();
    };
    const session = connect(`https://127.0.0.1:${https.server.address?.port ?? 0}`, { rejectUnauthorized: false });
    for (const round of [1, 2, 3]) {
      const slow = await https.open('/api/v1/notes');
      slow.pause();
      const slow2 = session.request({ ':path': '/api/v1/notes', authorization: 'Bearer root' });
      await once(slow2, 'response');
      const text = `${round} `.repeat(50_000);
      const before = texts.with(3, round === 1 ? (texts[3] as string) : `${round - 1} `.repeat(50_000));
      await https.api.patch(Note, { name: 'n03' }, 'application/merge-patch+json', { data: { text } });
      for (let i = 0; i < 3; i++) assert.deepEqual(listed((await https.call('GET', '/api/v1/notes')).body), texts.with(3, text));
      assert.deepEqual(listed(await read(slow)), before);
      assert.deepEqual(listed(await read(slow2)), before);
    }
    session.close();
    await https.api.patch(Note, { name: 'n03' }, 'application/merge-patch+json', { data: { text: texts[3] as string } });
  });

  it('end with their client, and hold up nobody', async () => {
    const gone = await https.open('/api/v1/notes');
    await new Promise((resolve) => gone.once('data', resolve));
    gone.destroy();
    const slow = await https.open('/api/v1/notes');
    slow.pause();
    assert.equal((await https.call('GET', '/api/v1/notes/n00')).code, 200);
    assert.equal((await https.call('GET', '/api/v1/notes')).code, 200);
    slow.destroy();
  });
});

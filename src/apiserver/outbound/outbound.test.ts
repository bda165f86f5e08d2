import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { FakeClock, seededRandom, settle, systemClock } from '#base';
import { webhookCaller } from './call-webhook.ts';
import { CallFailure, Outbound } from './outbound.ts';
import { resolveService, serviceTarget, targetOf } from './target.ts';
import { readerOf, serviceObjects, startServer, type TestServer } from './testing.ts';

const random = seededRandom(1);
const nothing = readerOf({});
const echo = (request: { url?: string | undefined }, response: { end(text: string): void }, body: string): void =>
  response.end(JSON.stringify({ url: request.url, body: JSON.parse(body || 'null') as unknown }));

async function withServer(run: (server: TestServer, outbound: Outbound) => Promise<void>, ...args: Parameters<typeof startServer>): Promise<void> {
  const server = await startServer(...args);
  const outbound = new Outbound(systemClock);
  try {
    await run(server, outbound);
  } finally {
    outbound.close();
    await server.close();
  }
}
const failure = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => assert.fail('no failure'),
    (error: unknown) => {
      assert.ok(error instanceof CallFailure, String(error));
      return error.message;
    },
  );

describe('where a Service is', () => {
  const { service, slice } = serviceObjects('hook', 8443);
  const at = { namespace: 'default', name: 'hook', port: 443 };
  it('is one of its ready endpoints, by the name of the port', () => {
    const more = { ...slice, endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }, { addresses: ['10.0.0.2'] }] };
    const reader = readerOf({ '/services': [service], 'discovery.k8s.io/endpointslices': [more] });
    assert.deepEqual(resolveService(at, reader, random), { host: '10.0.0.2', port: 8443 });
  });
  it('is read from Endpoints where there are no slices', () => {
    const endpoints = { metadata: { name: 'hook', namespace: 'default' }, subsets: [{ addresses: [{ ip: '10.0.0.3' }], ports: [{ name: 'https', port: 9 }] }] };
    assert.deepEqual(resolveService(at, readerOf({ '/services': [service], '/endpoints': [endpoints] }), random), { host: '10.0.0.3', port: 9 });
  });
  it('is the name of an ExternalName', () => {
    const external = { metadata: service.metadata, spec: { type: 'ExternalName', externalName: 'example.com' } } as never;
    assert.deepEqual(resolveService(at, readerOf({ '/services': [external] }), random), { host: 'example.com', port: 443 });
  });
  it('is nowhere', () => {
    assert.throws(() => resolveService(at, nothing, random), { message: 'service "hook" not found' });
    const reader = readerOf({ '/services': [service] });
    assert.throws(() => resolveService(at, reader, random), { message: 'no endpoints available for service "hook"' });
    assert.throws(() => resolveService({ ...at, port: 444 }, reader, random), { message: 'no service port 444 found for service "hook"' });
  });
});

describe('calls', () => {
  it('go to a URL that the CA vouches for, and keep the connection', () =>
    withServer(async (server, outbound) => {
      const target = targetOf({ url: `https://127.0.0.1:${server.port}/a?b=c`, caBundle: server.caBundle }, nothing, random);
      for (let i = 0; i < 2; i++) assert.deepEqual(await outbound.post(target, { i }, { path: target.path, timeoutMs: 5000 }), { url: '/a?b=c', body: { i } });
    }, echo));
  it('go to a Service by the name of its certificate', () =>
    withServer(async (server, outbound) => {
      const { service, slice } = serviceObjects('hook', server.port);
      const reader = readerOf({ '/services': [service], 'discovery.k8s.io/endpointslices': [slice] });
      const call = webhookCaller(outbound, reader, random);
      const config = { service: { namespace: 'default', name: 'hook', path: '/x' }, caBundle: server.caBundle };
      assert.deepEqual(await call({ config, review: {}, timeoutSeconds: 3 }), { url: '/x?timeout=3s', body: {} });
    }, echo));
  it('start over when a kept connection turns out to be closed', async () => {
    let served = 0;
    await withServer(
      async (server, outbound) => {
        const target = targetOf({ url: `https://127.0.0.1:${server.port}/`, caBundle: server.caBundle }, nothing, random);
        await outbound.post(target, {}, { path: '/', timeoutMs: 5000 });
        await outbound.post(target, {}, { path: '/', timeoutMs: 5000 });
        assert.equal(served, 3);
      },
      (request, response) => {
        if (++served === 2) request.socket.destroy();
        else response.end('{}');
      },
    );
  });
});

describe('failures have the words of Go', () => {
  const post = (outbound: Outbound, config: Parameters<typeof targetOf>[0]): Promise<string> => {
    const target = targetOf(config, nothing, random);
    return failure(outbound.post(target, {}, { path: '/?timeout=1s', timeoutMs: 5000 }));
  };
  it('an unknown authority, another name, an expired certificate', async () => {
    await withServer(async (server, outbound) => {
      const url = `https://127.0.0.1:${server.port}`;
      assert.equal(
        await post(outbound, { url }),
        `Post "${url}/?timeout=1s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
      );
    }, echo);
    await withServer(
      async (server, outbound) => {
        const url = `https://127.0.0.1:${server.port}`;
        assert.equal(
          await post(outbound, { url, caBundle: server.caBundle }),
          `Post "${url}/?timeout=1s": tls: failed to verify certificate: x509: certificate is valid for other.example, not 127.0.0.1`,
        );
      },
      echo,
      { names: ['other.example'] },
    );
    await withServer(
      async (server, outbound) => {
        assert.match(
          await post(outbound, { url: `https://127.0.0.1:${server.port}`, caBundle: server.caBundle }),
          /x509: certificate has expired or is not yet valid$/,
        );
      },
      echo,
      { notAfter: Date.UTC(2021, 0, 1) },
    );
  });
  it('a CA that is no certificate', async () => {
    await withServer(async (server, outbound) => {
      const config = { url: `https://127.0.0.1:${server.port}`, caBundle: Buffer.from('nonsense').toString('base64') };
      assert.match(await post(outbound, config), /unable to load root certificates|certificate signed by unknown authority/);
    }, echo);
  });
  it('nobody listens, and someone who speaks no TLS', async () => {
    const plain = createServer((socket) =>
      socket
        .resume()
        .on('error', () => {})
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const { port } = plain.address() as AddressInfo;
    const outbound = new Outbound(systemClock);
    assert.equal(
      await post(outbound, { url: `https://127.0.0.1:${port}` }),
      `Post "https://127.0.0.1:${port}/?timeout=1s": http: server gave HTTP response to HTTPS client`,
    );
    await new Promise<void>((resolve) => plain.close(() => resolve()));
    assert.equal(
      await post(outbound, { url: `https://127.0.0.1:${port}` }),
      `Post "https://127.0.0.1:${port}/?timeout=1s": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
    outbound.close();
  });
  it('no answer in time, and a caller who goes away', async () => {
    let arrived = (): void => {};
    const server = await startServer(() => arrived());
    const clock = new FakeClock();
    const outbound = new Outbound(clock);
    const target = targetOf({ url: `https://127.0.0.1:${server.port}`, caBundle: server.caBundle }, nothing, random);
    const abort = new AbortController();
    for (const [text, act] of [
      ['context deadline exceeded', () => clock.advance(1000)],
      ['context canceled', () => abort.abort()],
    ] as const) {
      const here = new Promise<void>((resolve) => (arrived = resolve));
      const failed = failure(outbound.post(target, {}, { path: '/', timeoutMs: 1000, signal: abort.signal }));
      await here;
      await act();
      assert.equal(await failed, `Post "https://127.0.0.1:${server.port}/": ${text}`);
    }
    await settle();
    outbound.close();
    await server.close();
  });
  it('answers that are no success, no JSON, or too large', async () => {
    let answer: [number, string] = [200, ''];
    await withServer(
      async (server, outbound) => {
        const config = { url: `https://127.0.0.1:${server.port}`, caBundle: server.caBundle };
        for (const [code, body, text] of [
          [404, '', /^the server could not find the requested resource$/],
          [500, 'boom\n', /^an error on the server \("boom"\) has prevented the request from succeeding$/],
          [503, '', /^the server is currently unable to handle the request$/],
          [418, '', /^the server responded with the status code 418 but/],
          [403, '{"kind":"Status","message":"not you"}', /^not you$/],
          [200, '<html>', /is not JSON$/],
        ] as const) {
          answer = [code, body];
          assert.match(await post(outbound, config), text);
        }
        answer = [200, '"0123456789"'];
        const call = outbound.call(targetOf(config, nothing, random), { method: 'GET', path: '/', timeoutMs: 5000, maxBytes: 5 });
        assert.match(await failure(call), /^Get ".*": the answer is larger than 5 bytes$/);
      },
      (_request, response) => {
        response.statusCode = answer[0];
        response.end(answer[1]);
      },
    );
  });
  it('a Service that is not there, and a configuration that names nothing', async () => {
    const outbound = new Outbound(systemClock);
    const target = serviceTarget({ namespace: 'a', name: 'b' }, {}, nothing, random);
    assert.equal(await failure(outbound.post(target, {}, { path: '/', timeoutMs: 1000 })), 'Post "https://b.a.svc:443/": service "b" not found');
    assert.equal(
      await failure(webhookCaller(outbound, nothing, random)({ config: {}, review: {}, timeoutSeconds: 1 })),
      'could not get REST client: webhook configuration must have either service or URL',
    );
    outbound.close();
  });
});

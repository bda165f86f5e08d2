import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { FakeClock, settle } from '#base';
import { createFetch } from './fetch.ts';

test('pages are read, whatever goes wrong is an error', async () => {
  const clock = new FakeClock();
  let server = createServer();
  const waiting = new Promise<void>((arrived) => {
    server = createServer((request, response) => {
      if (request.url === '/never') arrived();
      else response.writeHead(request.url === '/metrics' ? 200 : 404).end('a 1\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  const { fetch, close } = createFetch(clock);
  const url = (path: string): string => `http://127.0.0.1:${port}${path}`;
  assert.equal(await fetch(url('/metrics')), 'a 1\n');
  await assert.rejects(fetch(url('/other')), { message: 'server returned HTTP status 404' });
  const late = assert.rejects(fetch(url('/never')), { message: 'no answer in time' });
  await waiting;
  await clock.advance(10_000);
  await late;
  close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(fetch(url('/metrics')), { code: 'ECONNREFUSED' });
  await settle();
});

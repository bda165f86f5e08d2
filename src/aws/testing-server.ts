import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { seededRandom, silentLogger, systemClock } from '#base';
import { createClient, createFakeApi } from '#client';
import { openAws } from './open.ts';

/** For tests: the gateway with S3 behind a port of this machine, from before the tests of a file until after them. */
export function serveAws(): { readonly port: number } {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-aws-'));
  const aws = openAws({
    client: createClient(createFakeApi(systemClock), systemClock, silentLogger),
    account: '000000000000',
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    key: Buffer.alloc(32, 7),
    version: 'test',
    allowReset: false,
    issuerKeys: () => Promise.reject(new Error('no network')),
    audit: () => {},
    s3Dir: dir,
  });
  const server = createServer((message, response) => void aws.handle(message, response));
  before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
  after(async () => {
    server.closeAllConnections();
    server.close();
    await aws.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    get port() {
      return (server.address() as AddressInfo).port;
    },
  };
}

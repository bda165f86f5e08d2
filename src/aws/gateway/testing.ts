import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seededRandom, silentLogger, systemClock, type Clock } from '#base';
import { createClient, createFakeApi } from '#client';
import type { Contract } from '../protocol/schema.ts';
import { createState } from '../state/state.ts';
import { testIdentity } from '../testing.ts';
import type { AuditRecord } from './audit.ts';
import { pageAccess } from './cors.ts';
import { Gateway } from './gateway.ts';
import type { ServiceRoute } from './service.ts';

/** For tests: a gateway of these services that listens on a port, with the root user's key and no other. */
export async function openGate(
  services: readonly ServiceRoute[],
  { contracts, clock = systemClock }: { contracts?: (name: string) => Contract; clock?: Clock } = {},
): Promise<{ port: number; audited: AuditRecord[]; close(): void }> {
  const state = createState(createClient(createFakeApi(clock), clock, silentLogger));
  const audited: AuditRecord[] = [];
  const gateway = new Gateway({
    state,
    identity: testIdentity(state),
    used: () => {},
    services,
    pages: [],
    origins: pageAccess([]),
    partition: 'aws',
    clock,
    random: seededRandom(1),
    log: silentLogger,
    audit: (record) => void audited.push(record),
    ...(contracts ? { contracts } : {}),
  });
  const server = createServer((message, response) => {
    gateway.handle(message, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, audited, close };
}

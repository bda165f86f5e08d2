import { FakeClock, seededRandom, silentLogger } from '#base';
import { createClient, createFakeApi } from '#client';
import type { Call, Caller, IdentityFacts } from './gateway/call.ts';
import { StoredIdentities } from './iam/identities.ts';
import { createSealer } from './iam/keys.ts';
import { createState, type KindRef, type State } from './state/state.ts';

/** For tests: the root user of an account. */
export const testRoot: Caller = { type: 'root', arn: 'arn:aws:iam::000000000000:root', account: '000000000000', userId: '000000000000', accessKeyId: 'test' };

/** For tests: who is who, with sealers of a fixed key. */
export function testIdentity(state: State): IdentityFacts {
  const [secrets, tokens] = [createSealer(Buffer.alloc(32, 1), 'secrets'), createSealer(Buffer.alloc(32, 1), 'tokens')];
  return {
    identities: new StoredIdentities({ state, account: '000000000000', partition: 'aws', secrets, tokens }),
    secrets,
    tokens,
    useOf: () => undefined,
    roleUsed: () => {},
    issuerKeys: () => Promise.reject(new Error('no network in tests')),
  };
}

/** For tests: a call of an action by root. */
export function testCall(service: string, action: string, more: Partial<Call> & { state: State }): Call {
  const identity = testIdentity(more.state);
  return {
    service,
    action,
    account: '000000000000',
    region: 'us-east-1',
    partition: 'aws',
    caller: testRoot,
    requestId: '00000000-0000-4000-8000-000000000000',
    source: { ip: '127.0.0.1', secure: false, host: '127.0.0.1:4566', userAgent: 'test' },
    clock: new FakeClock(),
    random: seededRandom(1),
    log: silentLogger,
    request: { method: 'POST', path: '/', query: '', header: () => undefined },
    endpoint: 'http://127.0.0.1:4566',
    ...identity,
    ...more,
  };
}

/** For tests: a state over plain maps, with the objects of these kinds in memory. */
export async function testState(kinds: readonly KindRef[]): Promise<State> {
  const clock = new FakeClock();
  const state = createState(createClient(createFakeApi(clock), clock, silentLogger));
  await state.ready(kinds);
  return state;
}

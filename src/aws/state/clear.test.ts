import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { FakeClock, seededRandom, silentLogger } from '#base';
import { createApiServer } from '#apiserver';
import { createClient, type Client } from '#client';
import { awsKinds, IAMUser, schemas, type IamUserSpec } from '#kinds';
import { createMemoryStore, StoreError, type Change, type Store } from '#store';
import { createState, type State } from './state.ts';

const here = { account: '000000000000', region: 'global' };
const many = 1000;

interface Fixture {
  readonly state: State;
  readonly client: Client;
  /** The most commits that were under way together. */
  together(): number;
  /** Commits that name this key are refused. */
  refuse(key: string | undefined): void;
}
/** A real API over a real store: what deletes everything meets admission, locks and compare-and-swap. */
async function fixture(): Promise<Fixture> {
  const store = createMemoryStore();
  let [refused, waiting, most] = [undefined as string | undefined, 0, 0];
  const commit = async (changes: readonly Change[]): Promise<number> => {
    if (refused !== undefined && changes.some(({ key }) => key.endsWith(refused as string))) throw new StoreError('unavailable', 'the disk is full');
    most = Math.max(most, ++waiting);
    return store.commit(changes).finally(() => waiting--);
  };
  const watched: Store = {
    get: (key) => store.get(key),
    list: (prefix, options) => store.list(prefix, options),
    watch: (prefix, from, handler) => store.watch(prefix, from, handler),
    compact: (revision) => store.compact(revision),
    commit,
  };
  const clock = new FakeClock();
  const server = createApiServer({ clock, random: seededRandom(1), log: silentLogger, kinds: awsKinds, schemas, store: watched });
  await server.ready();
  const client = createClient(server.api({ username: 'admin', groups: ['system:masters'] }), clock, silentLogger);
  return { state: createState(client), client, together: () => most, refuse: (key) => (refused = key) };
}
const spec = (userName: string): IamUserSpec => ({
  userName,
  userId: `AIDA${userName}`,
  arn: `arn:aws:iam::000000000000:user/${userName}`,
  path: '/',
  createDate: '',
  attached: [],
  inline: {},
  tags: [],
  groups: [],
});
async function fill({ state }: Fixture, count = many): Promise<void> {
  await state.ready([IAMUser]);
  await Promise.all(Array.from({ length: count }, (_, i) => state.table(IAMUser).create(here, `u${i}`, spec(`u${i}`))));
}

describe('deleting everything', () => {
  test('goes to the store together, and is seen by reads and by everyone who watches', async () => {
    const my = await fixture();
    await fill(my);
    const { items, resourceVersion } = await my.client.api.list(IAMUser);
    assert.equal(items.length, many);
    const deleted: string[] = [];
    const watch = my.client.api.watch(
      IAMUser,
      { resourceVersion },
      { event: (type, { metadata }) => void deleted.push(`${type} ${metadata?.name}`), end: assert.ifError },
    );
    await my.state.clear();
    assert.equal(my.state.table(IAMUser).all().length, 0);
    assert.deepEqual((await my.client.api.list(IAMUser)).items, []);
    assert.deepEqual(deleted.toSorted(), items.map(({ metadata }) => `DELETED ${metadata?.name}`).toSorted());
    assert.equal(my.together(), many);
    watch.close();
    my.client.close();
  });
  test('also of services that nobody called', async () => {
    const my = await fixture();
    await fill(my, 3);
    const other = createState(my.client);
    await other.clear();
    assert.deepEqual((await my.client.api.list(IAMUser)).items, []);
    my.client.close();
  });
  test('tells of what could not be deleted, when all the rest is gone', async () => {
    const my = await fixture();
    await fill(my, 20);
    const name = (await my.client.api.list(IAMUser)).items[7]?.metadata?.name ?? '';
    my.refuse(name);
    await assert.rejects(my.state.clear(), /the disk is full/);
    assert.deepEqual(
      (await my.client.api.list(IAMUser)).items.map(({ metadata }) => metadata?.name),
      [name],
    );
    my.refuse(undefined);
    await my.state.clear();
    assert.equal(my.state.table(IAMUser).all().length, 0);
    my.client.close();
  });
  test('does not wait for what finalizers hold, and says so', async () => {
    const my = await fixture();
    await fill(my, 2);
    const [held] = (await my.client.api.list(IAMUser)).items;
    assert.ok(held);
    await my.client.api.update(IAMUser, { ...held, metadata: { ...held.metadata, finalizers: ['example.com/mine'] } });
    await assert.rejects(my.state.clear(), /is kept by its finalizers/);
    assert.equal((await my.client.api.list(IAMUser)).items.length, 1);
    my.client.close();
  });
  test('two at a time both end', async () => {
    const my = await fixture();
    await fill(my, 20);
    await Promise.all([my.state.clear(), my.state.clear()]);
    assert.equal(my.state.table(IAMUser).all().length, 0);
    my.client.close();
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settle } from '#base';
import { isApiError, type Api, type WatchOptions } from '#machinery';
import { fixture, Note, Widget, widget } from '../test-support.ts';

interface Seen {
  readonly events: string[];
  readonly errors: Error[];
  close(): void;
}
/** Follows widgets and writes `TYPE name@revision` lines. */
function follow(api: Api, options: WatchOptions = {}): Seen {
  const events: string[] = [];
  const errors: Error[] = [];
  const watch = api.watch(Widget, options, {
    event: (type, object) =>
      void events.push(
        `${type} ${object.metadata?.name ?? ''}@${object.metadata?.resourceVersion}${object.metadata?.annotations?.['k8s.io/initial-events-end'] ? ' end' : ''}`,
      ),
    end: (error) => void errors.push(error),
  });
  return { events, errors, close: () => watch.close() };
}
const at = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

describe('kinds that nobody in the process follows', () => {
  it('are kept as bytes, and answer the same', async () => {
    const { api, server } = await fixture();
    const made = await api.create(Widget, widget('a', { size: 1 }, { labels: { app: 'x' } }));
    await settle();
    const find = () => server.reader.get(Widget.group, Widget.plural, 'default', 'a');
    const first = find();
    assert.deepEqual(first, made);
    await settle();
    assert.notEqual(find(), first, 'what was decoded is let go');
    for (const [labelSelector, count] of [
      ['app=x', 1],
      ['app=y', 0],
      ['!app', 0],
    ] as const)
      assert.equal((await api.list(Widget, { labelSelector })).items.length, count);
    await api.update(Widget, widget('a', { size: 2 }, { labels: { app: 'y' } }));
    await settle();
    assert.equal((await api.list(Widget, { labelSelector: 'app=y' })).items.length, 1);
    follow(api).close();
    assert.equal(find(), (await settle(), find()), 'followers share one object');
  });
});

describe('watch', () => {
  it('tells creations, updates and deletions in order, each with its revision', async () => {
    const { api } = await fixture();
    const seen = follow(api);
    const made = await api.create(Widget, widget('a'));
    const updated = await api.update(Widget, widget('a', { size: 2 }));
    await api.delete(Widget, at('a'));
    const rv = Number(made.metadata?.resourceVersion);
    assert.deepEqual(seen.events, [`ADDED a@${rv}`, `MODIFIED a@${updated.metadata?.resourceVersion}`, `DELETED a@${rv + 2}`]);
  });
  it('starts with what is there, and misses nothing between', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    const writing = api.create(Widget, widget('b'));
    const seen = follow(api);
    await writing;
    await api.create(Widget, widget('c'));
    assert.deepEqual(
      seen.events.map((line) => line.split('@')[0]),
      ['ADDED a', 'ADDED b', 'ADDED c'],
    );
  });
  it('replays from a revision, and only what came after it', async () => {
    const { api } = await fixture();
    const a = await api.create(Widget, widget('a'));
    await api.update(Widget, widget('a', { size: 2 }));
    await api.delete(Widget, at('a'));
    await api.create(Widget, widget('b'));
    const seen = follow(api, { resourceVersion: a.metadata?.resourceVersion as string });
    assert.deepEqual(
      seen.events.map((line) => line.split('@')[0]),
      ['MODIFIED a', 'DELETED a', 'ADDED b'],
    );
  });
  it('turns leaving and entering a selection into DELETED and ADDED', async () => {
    const { api } = await fixture();
    const seen = follow(api, { fieldSelector: 'spec.color=red' });
    await api.create(Widget, widget('a', { color: 'blue' }));
    await api.update(Widget, widget('a', { color: 'red' }));
    await api.update(Widget, widget('a', { color: 'red', size: 1 }));
    const left = await api.update(Widget, widget('a', { color: 'blue' }));
    await api.delete(Widget, at('a'));
    assert.deepEqual(
      seen.events.map((line) => line.split('@')[0]),
      ['ADDED a', 'MODIFIED a', 'DELETED a'],
    );
    assert.equal(seen.events.at(-1)?.split('@')[1], left.metadata?.resourceVersion);
    const byLabel = follow(api, { labelSelector: 'x=1', namespace: 'default' });
    await api.create(Widget, widget('b', {}, { labels: { x: '1' } }));
    await api.create(Widget, widget('b', {}, { labels: { x: '1' }, namespace: 'other' }));
    assert.equal(byLabel.events.length, 1);
  });
  it('answers 410 for revisions out of its window', async () => {
    const { api } = await fixture();
    const seen = follow(api, { resourceVersion: '1' });
    await Promise.resolve();
    const first = await api.create<Note>(Note, { metadata: { name: 'n' }, data: { n: '0' } });
    for (let i = 1; i < 4200; i++) await api.update(Note, { metadata: { name: 'n' }, data: { n: String(i) } });
    const errors: Error[] = [];
    api.watch(Note, { resourceVersion: first.metadata?.resourceVersion as string }, { event() {}, end: (error) => void errors.push(error) });
    await Promise.resolve();
    assert.ok(isApiError(errors[0], 'Expired'));
    assert.match(errors[0]?.message ?? '', /^too old resource version: \d+ \(\d+\)$/);
    assert.equal(seen.errors.length, 0);
  });
  it('marks the end of initial events and sends bookmarks once a minute', async () => {
    const { api, clock } = await fixture();
    await api.create(Widget, widget('a'));
    const seen = follow(api, { sendInitialEvents: true, allowWatchBookmarks: true, resourceVersionMatch: 'NotOlderThan' });
    assert.deepEqual(seen.events, ['ADDED a@1', 'BOOKMARK @1 end']);
    await api.create(Note, { metadata: { name: 'n' } });
    await clock.advance(60_000);
    assert.equal(seen.events.at(-1), 'BOOKMARK @2');
    const silent = follow(api);
    await clock.advance(60_000);
    assert.deepEqual(silent.events, ['ADDED a@1']);
  });
  it('tells nothing after close, and ends when the server does', async () => {
    const { api, server } = await fixture();
    const closed = follow(api);
    const open = follow(api);
    closed.close();
    await api.create(Widget, widget('a'));
    assert.deepEqual([closed.events.length, open.events.length], [0, 1]);
    await server.close();
    assert.equal(open.errors.length, 1);
  });
  it('shows every follower the same history under many concurrent writers', async () => {
    const { api } = await fixture();
    const first = follow(api);
    const followers: Seen[] = [];
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        await api.create(Widget, widget(`w${i % 20}`, { size: i })).catch(() => api.update(Widget, widget(`w${i % 20}`, { size: i })));
        if (i % 20 === 0) followers.push(follow(api, { resourceVersion: '0' }));
      }),
    );
    const last = (events: readonly string[]): Map<string, string> =>
      new Map(events.map((line) => [line.split(' ')[1]?.split('@')[0] ?? '', line.split('@')[1] ?? '']));
    const revisions = first.events.map((line) => Number(line.split('@')[1]));
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
    for (const follower of followers) assert.deepEqual(new Map([...last(follower.events)].toSorted()), new Map([...last(first.events)].toSorted()));
  });
});

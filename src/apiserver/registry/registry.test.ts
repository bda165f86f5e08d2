import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cloneObject, isApiError, type KubeObject, type Status, type StatusReason } from '#machinery';
import { createMemoryStore } from '#store';
import { scale } from '../subresources/scale.ts';
import { fixture, Note, Widget, widget } from '../test-support.ts';

const at = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
function refused(reason: StatusReason, text?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isApiError(error), `not an ApiError: ${String(error)}`);
    assert.equal(error.reason, reason, error.message);
    if (text) assert.match(error.message, text);
    return true;
  };
}
const statusOf = (value: unknown): Status => value as Status;

describe('create', () => {
  it('fills server-owned metadata and gives what get gives', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a', { size: 1 }));
    assert.match(made.metadata?.uid ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(made.metadata?.creationTimestamp, '2026-01-01T00:00:00Z');
    assert.equal(made.metadata?.generation, 1);
    assert.equal(made.spec?.replicas, 1);
    assert.equal(await api.get(Widget, at('a')), made, 'in process, reads share the written object');
  });
  it('refuses a second object of the same name, even at the same time', async () => {
    const { api } = await fixture();
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => api.create(Widget, widget('a'))));
    assert.equal(outcomes.filter((o) => o.status === 'fulfilled').length, 1);
    await assert.rejects(api.create(Widget, widget('a')), refused('AlreadyExists', /^widgets\.test\.batuta\.dev "a" already exists$/));
  });
  it('makes names from generateName', async () => {
    const { api } = await fixture();
    const made = await Promise.all(Array.from({ length: 50 }, () => api.create<Widget>(Widget, { metadata: { generateName: 'w-', namespace: 'default' } })));
    assert.equal(new Set(made.map((o) => o.metadata?.name)).size, 50);
    assert.match(made[0]?.metadata?.name ?? '', /^w-[a-z0-9]{5}$/);
  });
  it('writes nothing on dry run', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a'), { dryRun: true });
    assert.ok(made.metadata?.uid);
    await assert.rejects(api.get(Widget, at('a')), refused('NotFound', /^widgets\.test\.batuta\.dev "a" not found$/));
  });
  it('refuses bad objects', async () => {
    const { api } = await fixture();
    await assert.rejects(
      api.create(Widget, widget('a', { size: -1 })),
      refused('Invalid', /^Widget\.test\.batuta\.dev "a" is invalid: spec\.size: Invalid value/),
    );
    await assert.rejects(api.create(Widget, widget('A_b')), refused('Invalid', /metadata\.name/));
    await assert.rejects(api.create(Widget, { metadata: { namespace: 'default' } }), refused('Invalid', /name or generateName is required/));
    await assert.rejects(
      api.create(Widget, widget('a', {}, { resourceVersion: '1' })),
      refused('BadRequest', /resourceVersion should not be set on objects to be created/),
    );
  });
  it('does not touch what the caller passed in', async () => {
    const { api } = await fixture();
    const input = widget('a');
    const before = cloneObject(input);
    await api.create(Widget, input);
    assert.deepEqual(input, before);
  });
});

describe('update', () => {
  it('compares resourceVersion and counts generations of the spec', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a', { size: 1 }));
    const second = await api.update(Widget, { ...made, spec: { ...made.spec, size: 2 } });
    assert.equal(second.metadata?.generation, 2);
    await assert.rejects(
      api.update(Widget, { ...made, spec: { size: 3 } }),
      refused('Conflict', /^Operation cannot be fulfilled on widgets\.test\.batuta\.dev "a": the object has been modified; please apply/),
    );
    const third = await api.update(Widget, { ...second, metadata: { ...second.metadata, labels: { a: 'b' } } });
    assert.equal(third.metadata?.generation, 2);
  });
  it('writes nothing when nothing changes', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a', { size: 1 }));
    const same = await api.update(Widget, cloneObject(made));
    assert.equal(same.metadata?.resourceVersion, made.metadata?.resourceVersion);
  });
  it('without a resourceVersion every concurrent writer succeeds', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    await Promise.all(Array.from({ length: 40 }, (_, i) => api.update(Widget, widget('a', { size: i }))));
    assert.equal((await api.get(Widget, at('a'))).metadata?.generation, 41);
  });
  it('with one, exactly one of many succeeds', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a'));
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => api.update(Widget, { ...made, spec: { size: i + 1 } })));
    assert.equal(outcomes.filter((o) => o.status === 'fulfilled').length, 1);
  });
  it('keeps status and spec apart', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a', { size: 1 }));
    const status = await api.update(Widget, { ...made, spec: { size: 9 }, status: { phase: 'Ready' } }, { subresource: 'status' });
    assert.deepEqual([status.spec?.size, status.status?.phase, status.metadata?.generation], [1, 'Ready', 1]);
    const spec = await api.update(Widget, { ...status, spec: { size: 2 }, status: { phase: 'Lost' } });
    assert.deepEqual([spec.spec?.size, spec.status?.phase, spec.metadata?.generation], [2, 'Ready', 2]);
  });
  it('refuses another uid and a missing object', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    await assert.rejects(api.update(Widget, widget('a', {}, { uid: 'x' })), refused('Conflict', /Precondition failed: UID in precondition: x/));
    await assert.rejects(api.update(Widget, widget('b')), refused('NotFound'));
  });
});

describe('patch', () => {
  it('takes JSON, merge and strategic patches', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a', { size: 1, color: 'red' }));
    await api.patch(Widget, at('a'), 'application/merge-patch+json', { spec: { size: 2, color: null } });
    await api.patch(Widget, at('a'), 'application/json-patch+json', [
      { op: 'test', path: '/spec/size', value: 2 },
      { op: 'add', path: '/metadata/labels', value: { x: 'y' } },
    ]);
    const last = await api.patch(Widget, at('a'), 'application/strategic-merge-patch+json', { spec: { replicas: 4 } });
    assert.deepEqual([last.spec, last.metadata?.labels], [{ size: 2, replicas: 4 }, { x: 'y' }]);
  });
  it('loses no concurrent patch', async () => {
    const { api } = await fixture();
    await api.create(Note, { metadata: { name: 'n' }, data: {} });
    await Promise.all(Array.from({ length: 50 }, (_, i) => api.patch(Note, { name: 'n' }, 'application/merge-patch+json', { data: { [`k${i}`]: 'v' } })));
    assert.equal(Object.keys((await api.get(Note, { name: 'n' })).data ?? {}).length, 50);
  });
  it('never changes the object that readers hold', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a', { list: ['x'] }));
    const before = cloneObject(made);
    await api.patch(Widget, at('a'), 'application/merge-patch+json', { spec: { list: ['y'] } });
    assert.deepEqual(made, before);
  });
  it('honours a resourceVersion in the patch', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    await assert.rejects(
      api.patch(Widget, at('a'), 'application/merge-patch+json', { metadata: { resourceVersion: '1000' }, spec: { size: 1 } }),
      refused('Conflict'),
    );
  });
  it('applies: creates, owns, conflicts, forces', async () => {
    const { api } = await fixture();
    const apply = (manager: string, spec: object, force?: boolean) =>
      api.patch(Widget, at('a'), 'application/apply-patch+yaml', { apiVersion: 'test.batuta.dev/v1', kind: 'Widget', metadata: { name: 'a' }, spec } as never, {
        fieldManager: manager,
        ...(force ? { force } : {}),
      });
    const made = await apply('one', { size: 1 });
    assert.equal(made.metadata?.managedFields?.[0]?.manager, 'one');
    await assert.rejects(apply('two', { size: 2 }), refused('Conflict', /conflict with "one".*\.spec\.size/s));
    const forced = await apply('two', { size: 2 }, true);
    assert.equal(forced.spec?.size, 2);
    const again = await apply('two', { size: 2 });
    assert.equal(again.metadata?.resourceVersion, forced.metadata?.resourceVersion, 'the same apply writes nothing');
  });
  it('scales', async () => {
    const { api } = await fixture({ subresources: [scale()] });
    await api.create(Widget, widget('a'));
    const scaled = (await api.update(Widget, { metadata: at('a'), spec: { replicas: 7 } }, { subresource: 'scale' })) as KubeObject & {
      spec: { replicas: number };
    };
    assert.deepEqual([scaled.kind, scaled.spec.replicas], ['Scale', 7]);
    assert.equal((await api.get(Widget, at('a'))).spec?.replicas, 7);
    await assert.rejects(api.update(Widget, { metadata: at('a'), spec: { replicas: -1 } }, { subresource: 'scale' }), refused('Invalid'));
  });
});

describe('delete', () => {
  it('removes at once and says so', async () => {
    const { api } = await fixture();
    const made = await api.create(Widget, widget('a'));
    const status = statusOf(await api.delete(Widget, at('a')));
    assert.deepEqual([status.status, status.details], ['Success', { name: 'a', group: 'test.batuta.dev', kind: 'widgets', uid: made.metadata?.uid }]);
    await assert.rejects(api.delete(Widget, at('a')), refused('NotFound'));
  });
  it('checks preconditions', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    await assert.rejects(api.delete(Widget, at('a'), { preconditions: { uid: 'x' } }), refused('Conflict', /UID in precondition: x/));
    await assert.rejects(api.delete(Widget, at('a'), { preconditions: { resourceVersion: '99' } }), refused('Conflict'));
  });
  it('gives grace, lets it only shrink, and ends with grace 0', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a', { color: 'graceful' }));
    const marked = (await api.delete(Widget, at('a'))) as Widget;
    assert.deepEqual(
      [marked.metadata?.deletionTimestamp, marked.metadata?.deletionGracePeriodSeconds, marked.metadata?.generation],
      ['2026-01-01T00:00:30Z', 30, 2],
    );
    const longer = (await api.delete(Widget, at('a'), { gracePeriodSeconds: 60 })) as Widget;
    assert.equal(longer.metadata?.deletionGracePeriodSeconds, 30);
    const shorter = (await api.delete(Widget, at('a'), { gracePeriodSeconds: 5 })) as Widget;
    assert.deepEqual([shorter.metadata?.deletionGracePeriodSeconds, shorter.metadata?.deletionTimestamp], [5, '2026-01-01T00:00:05Z']);
    assert.equal(statusOf(await api.delete(Widget, at('a'), { gracePeriodSeconds: 0 })).status, 'Success');
    await assert.rejects(api.get(Widget, at('a')), refused('NotFound'));
  });
  it('waits for finalizers and goes with the last of them', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a', {}, { finalizers: ['x.dev/y'] }));
    const marked = (await api.delete(Widget, at('a'))) as Widget;
    assert.ok(marked.metadata?.deletionTimestamp);
    await assert.rejects(api.update(Widget, { ...marked, metadata: { ...marked.metadata, finalizers: ['x.dev/y', 'z.dev/w'] } }), refused('Invalid'));
    await api.update(Widget, { ...marked, metadata: { ...marked.metadata, finalizers: [] } });
    await assert.rejects(api.get(Widget, at('a')), refused('NotFound'));
  });
  it('turns propagationPolicy into finalizers', async () => {
    const { api } = await fixture();
    await api.create(Widget, widget('a'));
    const foreground = (await api.delete(Widget, at('a'), { propagationPolicy: 'Foreground' })) as Widget;
    assert.deepEqual(foreground.metadata?.finalizers, ['foregroundDeletion']);
    await api.create(Widget, widget('b'));
    const orphan = (await api.delete(Widget, at('b'), { propagationPolicy: 'Orphan' })) as Widget;
    assert.deepEqual(orphan.metadata?.finalizers, ['orphan']);
  });
  it('deletes collections by selector', async () => {
    const { api } = await fixture();
    await Promise.all(Array.from({ length: 30 }, (_, i) => api.create(Widget, widget(`w${i}`, {}, { labels: { odd: String(i % 2) } }))));
    await api.deleteCollection(Widget, { namespace: 'default', labelSelector: 'odd=1' });
    assert.equal((await api.list(Widget)).items.length, 15);
  });
});

describe('list', () => {
  const fill = async () => {
    const f = await fixture();
    for (let i = 0; i < 10; i++)
      await f.api.create(Widget, widget(`w${i}`, { color: i < 4 ? 'red' : 'blue' }, { namespace: i < 8 ? 'default' : 'other', labels: { n: String(i) } }));
    return f;
  };
  const names = (items: readonly Widget[]): string => items.map((o) => o.metadata?.name).join(' ');
  it('selects by namespace, labels and fields', async () => {
    const { api } = await fill();
    assert.equal((await api.list(Widget, { namespace: 'other' })).items.length, 2);
    assert.equal(names((await api.list(Widget, { labelSelector: 'n in (1,9)' })).items), 'w1 w9');
    assert.equal(names((await api.list(Widget, { fieldSelector: 'spec.color=red,metadata.name!=w0' })).items), 'w1 w2 w3');
    await assert.rejects(api.list(Widget, { fieldSelector: 'spec.weight=1' }), refused('BadRequest', /field label not supported: spec\.weight/));
  });
  it('pages over one revision whatever is written meanwhile', async () => {
    const { api } = await fill();
    const first = await api.list(Widget, { namespace: 'default', limit: 3 });
    assert.deepEqual([names(first.items), first.remainingItemCount], ['w0 w1 w2', 5]);
    await api.delete(Widget, at('w4'));
    await api.create(Widget, widget('w55'));
    const second = await api.list(Widget, { namespace: 'default', limit: 3, continue: first.continue as string });
    assert.deepEqual([names(second.items), second.resourceVersion], ['w3 w4 w5', first.resourceVersion]);
    const third = await api.list(Widget, { namespace: 'default', limit: 3, continue: second.continue as string });
    assert.deepEqual([names(third.items), third.continue, third.remainingItemCount], ['w6 w7', undefined, undefined]);
  });
  it('answers 410 with a token to go on when the revision is compacted', async () => {
    const { api, store } = await fill();
    const first = await api.list(Widget, { limit: 3 });
    await api.delete(Widget, at('w4'));
    await store.compact(Number((await api.list(Widget)).resourceVersion));
    await assert.rejects(api.list(Widget, { limit: 3, continue: first.continue as string }), (error: unknown) => {
      assert.ok(refused('Expired', /continue parameter is too old/)(error));
      const token = (error as { status: { metadata: { continue: string } } }).status.metadata.continue;
      return typeof token === 'string' && token.length > 10;
    });
  });
  it('honours resourceVersion and resourceVersionMatch', async () => {
    const { api } = await fill();
    const before = (await api.list(Widget)).resourceVersion;
    await api.delete(Widget, at('w0'));
    assert.equal((await api.list(Widget, { resourceVersion: before, resourceVersionMatch: 'Exact' })).items.length, 10);
    assert.equal((await api.list(Widget, { resourceVersion: before, resourceVersionMatch: 'NotOlderThan' })).items.length, 9);
    assert.equal((await api.list(Widget, { resourceVersion: '0' })).items.length, 9);
    await assert.rejects(api.list(Widget, { resourceVersion: '999999' }), refused('Timeout', /Too large resource version: 999999, current: \d+/));
    await assert.rejects(
      api.list(Widget, { resourceVersionMatch: 'Exact' }),
      refused('Invalid', /resourceVersionMatch is forbidden unless resourceVersion is provided/),
    );
    await assert.rejects(api.list(Widget, { resourceVersion: 'x' }), refused('BadRequest'));
    await assert.rejects(api.list(Widget, { limit: 1, continue: 'garbage' }), refused('BadRequest', /continue key is not valid/));
  });
});

describe('restart', () => {
  it('serves what the store holds, with the same revisions', async () => {
    const store = createMemoryStore();
    const one = await fixture({ store });
    const made = await one.api.create(Widget, widget('a', { size: 1 }));
    await one.server.close();
    const two = await fixture({ store });
    assert.deepEqual(await two.api.get(Widget, at('a')), made);
    const updated = await two.api.update(Widget, { ...made, spec: { size: 2 } });
    assert.ok(Number(updated.metadata?.resourceVersion) > Number(made.metadata?.resourceVersion));
  });
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { defineKind, isApiError, type Api, type Kind, type KubeObject } from '#machinery';
import { silentLogger } from '#base';
import { createMemoryStore } from '#store';
import { admin, fixture, Note, widget, Widget } from '../test-support.ts';

interface Gadget extends KubeObject {
  spec?: { size?: number };
  width?: number;
}
/** v2 says `width` where v1 says `spec.size`. */
function convert(objects: readonly KubeObject[], to: string): KubeObject[] {
  return objects.map((object) => {
    const { spec, width, ...rest } = object as Gadget;
    const size = spec?.size ?? width ?? 0;
    return { ...rest, apiVersion: to, ...(to.endsWith('v2') ? { width: size } : { spec: { size } }) } as KubeObject;
  });
}
function gadgets(how: (objects: readonly KubeObject[], to: string) => readonly KubeObject[] | Promise<readonly KubeObject[]>): {
  v1: Kind<Gadget>;
  v2: Kind<Gadget>;
} {
  const common = { group: 'test.batuta.dev', kind: 'Gadget', plural: 'gadgets', namespaced: true, storageVersion: 'test.batuta.dev/v1', convert: how };
  return {
    v1: defineKind<Gadget>({ ...common, version: 'v1', schema: 'TestWidget' }),
    v2: defineKind<Gadget>({ ...common, version: 'v2', schema: 'TestNote', selectableFields: { width: (gadget) => String(gadget.width ?? 0) } }),
  };
}
const kindsOf = (...kinds: unknown[]): Kind[] => kinds as Kind[];
const gadget = (name: string, width: number): Gadget => ({ metadata: { name, namespace: 'default' }, width });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const hows = { 'at once': convert, later: async (objects: readonly KubeObject[], to: string) => (await turn(), convert(objects, to)) };
for (const [when, how] of Object.entries(hows)) {
  test(`two versions of one resource, converted ${when}`, async (t) => {
    const { v1, v2 } = gadgets(how);
    const { api, server } = await fixture({ kinds: kindsOf(Widget, Note, v1, v2) });
    t.after(() => server.close());
    const made = await api.create(v2, gadget('a', 7));
    assert.equal(made.width, 7);
    assert.equal(made.apiVersion, 'test.batuta.dev/v2');
    const stored = await api.get(v1, { namespace: 'default', name: 'a' });
    assert.deepEqual(stored.spec, { size: 7 });
    assert.equal(stored.metadata?.resourceVersion, made.metadata?.resourceVersion);
    await api.patch(v1, { namespace: 'default', name: 'a' }, 'application/merge-patch+json', { spec: { size: 9 } });
    await api.create(v1, { metadata: { name: 'b', namespace: 'default' }, spec: { size: 1 } });
    const listed = await api.list(v2, { namespace: 'default' });
    assert.deepEqual(
      listed.items.map((item) => [item.metadata?.name, item.width, item.apiVersion]),
      [
        ['a', 9, 'test.batuta.dev/v2'],
        ['b', 1, 'test.batuta.dev/v2'],
      ],
    );
    const narrow = await api.list(v2, { namespace: 'default', fieldSelector: 'width=1' });
    assert.deepEqual(
      narrow.items.map((item) => item.metadata?.name),
      ['b'],
    );
    assert.equal((await api.list(v2, { namespace: 'default', limit: 1 })).items[0]?.width, 9);
    const gone = await api.delete(v2, { namespace: 'default', name: 'a' });
    assert.equal((gone as { status?: string }).status, 'Success');
  });

  test(`watching one version of a resource, converted ${when}: the present state first, then every change in order`, async (t) => {
    const { v1, v2 } = gadgets(how);
    const { api, server } = await fixture({ kinds: kindsOf(v1, v2) });
    t.after(() => server.close());
    await api.create(v1, { metadata: { name: 'a', namespace: 'default' }, spec: { size: 1 } });
    const { events, watch } = follow(api, v2, {});
    const narrow = follow(api, v2, { fieldSelector: 'width=2' });
    for (let size = 2; size <= 4; size++) await api.patch(v1, { namespace: 'default', name: 'a' }, 'application/merge-patch+json', { spec: { size } });
    await api.delete(v1, { namespace: 'default', name: 'a' });
    for (let i = 0; i < 30; i++) await turn();
    assert.deepEqual(events, ['ADDED a 1', 'MODIFIED a 2', 'MODIFIED a 3', 'MODIFIED a 4', 'DELETED a 4']);
    assert.deepEqual(narrow.events, ['ADDED a 2', 'DELETED a 2']);
    watch.close();
    narrow.watch.close();
  });
}
function follow(api: Api, kind: Kind<Gadget>, options: { fieldSelector?: string }): { events: string[]; watch: { close(): void } } {
  const events: string[] = [];
  const watch = api.watch(kind, options, {
    event: (type, object) => void events.push(`${type} ${object.metadata?.name} ${object.width}`),
    end: (error) => void events.push(`END ${error.message}`),
  });
  return { events, watch };
}

test('a conversion that fails is told to whoever asked, and tried again', async (t) => {
  let broken = true;
  const { v1, v2 } = gadgets(async (objects, to) => {
    if (broken) throw new Error('conversion webhook is down');
    return convert(objects, to);
  });
  const { api, server } = await fixture({ kinds: kindsOf(v1, v2) });
  t.after(() => server.close());
  await api.create(v1, { metadata: { name: 'a', namespace: 'default' }, spec: { size: 1 } });
  await assert.rejects(api.get(v2, { namespace: 'default', name: 'a' }), /webhook is down/);
  await assert.rejects(api.create(v2, gadget('b', 1)), /webhook is down/);
  await assert.rejects(api.get(v1, { namespace: 'default', name: 'b' }), (error) => isApiError(error, 'NotFound'));
  const { events } = follow(api, v2, {});
  for (let i = 0; i < 10; i++) await turn();
  assert.deepEqual(events, ['END conversion webhook is down']);
  broken = false;
  assert.equal((await api.get(v2, { namespace: 'default', name: 'a' })).width, 1);
});

test('what is stored in an older version is brought up to date by the next write', async (t) => {
  const { v1, v2 } = gadgets(convert);
  const store = createMemoryStore();
  const first = await fixture({ store, kinds: kindsOf(v1, v2) });
  await first.api.create(v1, { metadata: { name: 'a', namespace: 'default' }, spec: { size: 3 } });
  await first.server.close();
  const moved = { storageVersion: 'test.batuta.dev/v2' };
  const newer = { v1: { ...v1, ...moved }, v2: { ...v2, ...moved } };
  const { api, server } = await fixture({ store, kinds: kindsOf(newer.v1, newer.v2) });
  t.after(() => server.close());
  assert.equal((await api.get(newer.v2, { namespace: 'default', name: 'a' })).width, 3);
  await api.patch(newer.v2, { namespace: 'default', name: 'a' }, 'application/merge-patch+json', {});
  const { entries } = await store.list('/registry/test.batuta.dev/gadgets/');
  assert.match(Buffer.from(entries[0]?.value ?? []).toString(), /"apiVersion":"test.batuta.dev\/v2".*"width":3/);
});

test('kinds come and go while the server runs', async (t) => {
  const store = createMemoryStore();
  const first = await fixture({ store });
  await first.api.create(Widget, widget('kept', { size: 1 }));
  await first.server.close();
  const { server, api } = await fixture({ store, kinds: kindsOf(Note), log: silentLogger });
  t.after(() => server.close());
  await assert.rejects(api.list(Widget), (error) => isApiError(error, 'NotFound'));
  server.serve(Widget as unknown as Kind);
  assert.equal((await api.get(Widget, { namespace: 'default', name: 'kept' })).spec?.size, 1);
  const ends: string[] = [];
  api.watch(Widget, {}, { event: () => {}, end: (error) => void ends.push(error.message) });
  const changed: Kind<Widget> = { ...Widget, validate: () => [{ field: 'spec', reason: 'FieldValueForbidden', message: 'Forbidden: no more' }] };
  server.serve(changed as unknown as Kind);
  assert.deepEqual(ends, ['the kind has changed'], 'watches of what the kind was end');
  await assert.rejects(server.api(admin).create(changed, widget('new')), /no more/);
  server.withdraw(changed as unknown as Kind);
  await assert.rejects(api.list(Widget), (error) => isApiError(error, 'NotFound'));
  server.serve(Widget as unknown as Kind);
  assert.equal((await api.list(Widget)).items.length, 1, 'what was stored is still there');
});

test('what was stored under rules of before reads as the present ones have it', async (t) => {
  const { api, server } = await fixture({ kinds: kindsOf(Widget, Note) });
  t.after(() => server.close());
  const gadgetOf = (color: string): Kind<Widget> =>
    defineKind<Widget>({
      ...({ group: 'test.batuta.dev', kind: 'Painted', plural: 'painteds', namespaced: true, version: 'v1', schema: 'TestWidget' } as const),
      defaults: (object) => void ((object.spec ??= {}).color ??= color),
      restore: (object) => {
        const { spec } = object as Widget;
        return spec?.color ? object : ({ ...object, spec: { ...spec, color } } as KubeObject);
      },
    });
  const bare = defineKind<Widget>({ group: 'test.batuta.dev', kind: 'Painted', plural: 'painteds', namespaced: true, version: 'v1', schema: 'TestWidget' });
  const serve = (kind: unknown): void => server.serve(kind as Kind);
  serve(bare);
  await api.create(bare, widget('old', { size: 1 }));
  const painted = gadgetOf('red');
  serve(painted);
  const shown = await api.get(painted, { namespace: 'default', name: 'old' });
  assert.deepEqual(shown.spec, { size: 1, color: 'red' });
  assert.equal(await api.get(painted, { namespace: 'default', name: 'old' }), shown, 'it is made once');
  await api.create(painted, widget('new', { size: 2 }));
  const next = gadgetOf('blue');
  serve(next);
  const listed = await api.list(next, { namespace: 'default' });
  assert.deepEqual(
    listed.items.map((item) => item.spec?.color),
    ['red', 'blue'],
  );
  const seen: unknown[] = [];
  const watch = api.watch(
    next,
    { namespace: 'default', sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' },
    {
      event: (_type, object) => void seen.push(object.spec?.color),
      end: () => {},
    },
  );
  await turn();
  watch.close();
  assert.deepEqual(seen, ['red', 'blue']);
});

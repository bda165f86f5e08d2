import { FakeClock, seededRandom, silentLogger, type Clock } from '#base';
import { createSchemaSet, defineKind, type Api, type Kind, type KubeObject } from '#machinery';
import { createMemoryStore, type Store } from '#store';
import { createApiServer, type ApiServer, type ApiServerOptions } from './server.ts';

export interface Widget extends KubeObject {
  spec?: { size?: number; color?: string; replicas?: number; list?: string[] };
  status?: { phase?: string; replicas?: number };
}
/** A kind with everything: status, scale, selectable field, grace. */
export const Widget: Kind<Widget> = defineKind<Widget>({
  group: 'test.batuta.dev',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
  schema: 'TestWidget',
  status: true,
  scale: { specReplicas: ['spec', 'replicas'], statusReplicas: ['status', 'replicas'], selector: () => 'a=b' },
  selectableFields: { 'spec.color': (widget) => widget.spec?.color ?? '' },
  defaults(widget) {
    widget.spec ??= {};
    widget.spec.replicas ??= 1;
  },
  validate: (widget) =>
    widget.spec?.size !== undefined && widget.spec.size < 0
      ? [{ field: 'spec.size', reason: 'FieldValueInvalid', message: 'Invalid value: must be positive' }]
      : [],
  gracePeriodSeconds: (widget, requested) => (widget.spec?.color === 'graceful' ? (requested ?? 30) : 0),
});
export interface Note extends KubeObject {
  data?: { [key: string]: string };
}
export const Note: Kind<Note> = defineKind<Note>({ group: '', version: 'v1', kind: 'Note', plural: 'notes', namespaced: false, schema: 'TestNote' });

const meta = 'V1ObjectMeta';
export const testSchemas = createSchemaSet(
  {
    TestWidget: { apiVersion: 's', kind: 's', metadata: meta, spec: 'TestWidgetSpec', status: 'TestWidgetStatus' },
    TestWidgetSpec: { size: 'i', color: 's', replicas: 'i', list: 's[]' },
    TestWidgetStatus: { phase: 's', replicas: 'i' },
    TestNote: { apiVersion: 's', kind: 's', metadata: meta, data: 's{}' },
    V1ObjectMeta: {
      name: 's',
      generateName: 's',
      namespace: 's',
      uid: 's',
      resourceVersion: 's',
      generation: 'l',
      creationTimestamp: 't',
      deletionTimestamp: 't',
      deletionGracePeriodSeconds: 'l',
      labels: 's{}',
      annotations: 's{}',
      finalizers: 's[]',
      ownerReferences: 'j',
      managedFields: 'j',
      selfLink: 's',
    },
  },
  { fields: { 'V1ObjectMeta.finalizers': { listType: 'set' } }, atomicTypes: [] },
);

export const admin = { username: 'admin', groups: ['system:masters', 'system:authenticated'] };

export interface Fixture {
  readonly server: ApiServer;
  readonly api: Api;
  readonly clock: FakeClock;
  readonly store: Store;
}
/** A server over a memory store on fake time. */
export async function fixture(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const clock = (options.clock as FakeClock | undefined) ?? new FakeClock();
  const store = options.store ?? createMemoryStore();
  const server = createApiServer({
    clock,
    random: seededRandom(1),
    log: silentLogger,
    kinds: [Widget, Note],
    schemas: testSchemas,
    ...options,
    store,
  });
  await server.ready();
  return { server, api: server.api(admin), clock, store };
}
export type { Clock };

export function widget(name: string, spec: NonNullable<Widget['spec']> = {}, metadata: NonNullable<KubeObject['metadata']> = {}): Widget {
  return { metadata: { name, namespace: 'default', ...metadata }, spec };
}

/** The kinds as they are, but that endpoints may be on loopback, where the servers of tests listen. */
export const withLoopback = (kinds: readonly Kind[]): Kind[] =>
  kinds.map((kind) => (kind.plural === 'endpointslices' ? { ...kind, validate: () => [] } : kind));

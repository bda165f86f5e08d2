/**
 * Specs of the Kubernetes conformance suite about the API that no other file of these tests covers, by their names there;
 * docs/conformance.md tells where each of the others is. On simulated nodes.
 */
import assert from 'node:assert/strict';
import { request } from 'node:https';
import test, { before, describe } from 'node:test';
import { eventually, useCluster } from './harness.ts';

interface Meta {
  name: string;
  uid?: string;
  resourceVersion?: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: unknown[];
  finalizers?: string[];
}
interface Answer {
  code: number;
  type: string;
  body: { kind?: string; metadata?: Meta; items?: { metadata: Meta }[]; [field: string]: unknown };
}
type Schema = Record<string, unknown>;

describe('specs of the conformance suite', () => {
  const my = useCluster('--runtime', 'sim', '--sim-nodes', '2', '--nodes', '0');
  let token = '';
  before(async () => {
    await my.cluster.kubectl('create', 'sa', 'robot');
    await my.cluster.kubectl('create', 'clusterrolebinding', 'robot', '--clusterrole=cluster-admin', '--serviceaccount=default:robot');
    token = (await my.cluster.kubectl('create', 'token', 'robot')).trim();
  });
  const k = (...args: string[]): Promise<string> => my.cluster.kubectl(...args);
  const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: my.cluster.kubePort,
          method,
          path,
          rejectUnauthorized: false,
          headers: {
            authorization: `Bearer ${token}`,
            ...(text ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) } : {}),
            ...headers,
          },
        },
        (response) => {
          let read = '';
          response.setEncoding('utf8').on('data', (part: string) => (read += part));
          response.on('end', () =>
            resolve({
              code: response.statusCode ?? 0,
              type: response.headers['content-type'] ?? '',
              body: (read.startsWith('{') ? JSON.parse(read) : { text: read }) as Answer['body'],
            }),
          );
        },
      );
      outgoing.on('error', reject).end(text);
    });
  const ok = async (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer['body']> => {
    const answer = await call(method, path, body, headers);
    assert.ok(answer.code < 300, `${method} ${path}: ${answer.code} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const merge = { 'content-type': 'application/merge-patch+json' };
  const apply = (object: object): Promise<string> => my.cluster.apply(JSON.stringify(object));
  const refused = async (object: object, ...args: string[]): Promise<string> => {
    const { code, err } = await my.cluster.tryKubectl(['apply', '-f', '-', ...args], { input: JSON.stringify(object) });
    assert.notEqual(code, 0, 'it was accepted');
    return err;
  };

  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const version = (name: string, schema: Schema = anything, more: object = {}): object => ({
    name,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: schema },
    ...more,
  });
  const definition = (group: string, kind: string, versions: object[], labels: Record<string, string> = {}): object => {
    const singular = kind.toLowerCase();
    const names = { plural: `${singular}s`, singular, kind, listKind: `${kind}List` };
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${singular}s.${group}`, labels },
      spec: { group, names, scope: 'Namespaced', versions },
    };
  };
  const define = async (...args: Parameters<typeof definition>): Promise<string> => {
    const made = definition(...args) as { metadata: { name: string } };
    await apply(made);
    await k('wait', '--for=condition=Established', `crd/${made.metadata.name}`);
    return made.metadata.name;
  };
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

  describe('discovery', () => {
    const aggregated = (v = 'v2'): Record<string, string> => ({ accept: `application/json;v=${v};g=apidiscovery.k8s.io;as=APIGroupDiscoveryList` });
    interface Groups {
      items: { metadata: Meta; versions: { version: string; resources: { resource: string }[] }[] }[];
    }
    const resources = (body: unknown): string[] =>
      (body as Groups).items.flatMap((group) =>
        group.versions.flatMap((one) => one.resources.map(({ resource }) => `${group.metadata.name ?? ''}/${one.version}/${resource}`)),
      );

    test('aggregated discovery endpoint Accept headers, and its documents for CRDs', async () => {
      for (const v of ['v2', 'v2beta1']) {
        const { type } = await call('GET', '/apis', undefined, aggregated(v));
        assert.equal(type, `application/json;g=apidiscovery.k8s.io;v=${v};as=APIGroupDiscoveryList`);
      }
      const core = resources(await ok('GET', '/api', undefined, aggregated()));
      for (const wanted of ['pods', 'configmaps', 'services']) assert.ok(core.some((one) => one.endsWith(`/v1/${wanted}`)));
      const name = await define('discovery.example.com', 'Found', [version('v1')]);
      assert.ok(resources(await ok('GET', '/apis', undefined, aggregated())).includes('discovery.example.com/v1/founds'));
      await k('delete', 'crd', name);
      assert.ok(!resources(await ok('GET', '/apis', undefined, aggregated())).some((one) => one.startsWith('discovery.example.com')));
    });

    test('the groupVersion and a resource within each APIGroup; PreferredVersion for each APIGroup', async () => {
      const { groups } = (await ok('GET', '/apis')) as unknown as {
        groups: { name: string; versions: { groupVersion: string; version: string }[]; preferredVersion: { groupVersion: string } }[];
      };
      for (const { name, versions, preferredVersion } of groups) {
        const own = (await ok('GET', `/apis/${name}`)) as unknown as { preferredVersion: { groupVersion: string } };
        assert.equal(own.preferredVersion.groupVersion, preferredVersion.groupVersion);
        assert.ok(versions.some((one) => one.groupVersion === preferredVersion.groupVersion));
        for (const { groupVersion } of versions) {
          const list = (await ok('GET', `/apis/${groupVersion}`)) as unknown as { groupVersion: string; resources: { name: string; kind: string }[] };
          assert.equal(list.groupVersion, groupVersion);
          assert.ok((list.resources.length > 0 || /metrics\.k8s\.io/.test(name)) && list.resources.every((one) => one.name && one.kind), groupVersion);
        }
      }
    });

    test('server version', async () => {
      const { major, minor } = (await ok('GET', '/version')) as unknown as { major: string; minor: string };
      assert.match(`${major} ${minor}`, /^\d+ \d+$/);
    });
  });

  describe('custom resource definitions', () => {
    test('getting, updating and patching the status sub-resource; listing and deleting a collection', async () => {
      const names = await Promise.all(['Aa', 'Bb', 'Cc'].map((kind) => define('list.example.com', kind, [version('v1')], { set: 'one' })));
      await define('list.example.com', 'Kept', [version('v1')], { set: 'two' });
      const at = `${crds}/${names[0]}/status`;
      const now = (await ok('GET', at)) as unknown as { status: { conditions: object[] } };
      const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'set by a test' };
      await ok('PUT', at, { ...now, status: { ...now.status, conditions: [...now.status.conditions, condition] } });
      assert.match(await k('get', 'crd', names[0] as string, '-o', 'jsonpath={.status.conditions[*].type}'), /StatusUpdate/);
      await ok('PATCH', at, { metadata: { annotations: { patched: 'yes' } } }, merge);
      assert.equal((await ok('GET', at)).metadata?.annotations?.['patched'], 'yes');
      assert.equal((await ok('GET', `${crds}?labelSelector=set%3Done`)).items?.length, 3);
      await ok('DELETE', `${crds}?labelSelector=set%3Done`);
      await eventually('they are gone', async () => (await ok('GET', `${crds}?labelSelector=set%3Done`)).items?.length === 0);
      assert.equal((await ok('GET', `${crds}?labelSelector=set%3Dtwo`)).items?.length, 1);
    });

    test('custom resource defaulting for requests and from storage works', async () => {
      const schema = (defaults: Record<string, string>): Schema => ({
        type: 'object',
        properties: Object.fromEntries(['a', 'b'].map((field) => [field, { type: 'string', ...(defaults[field] ? { default: defaults[field] } : {}) }])),
      });
      const group = 'defaults.example.com';
      await define(group, 'Filled', [version('v1', schema({}))]);
      const make = (name: string): Promise<unknown> => apply({ apiVersion: `${group}/v1`, kind: 'Filled', metadata: { name } });
      const show = (name: string): Promise<string> => k('get', `filleds.${group}`, name, '-o', 'jsonpath={.a},{.b}');
      await make('one');
      assert.equal(await show('one'), ',');
      await define(group, 'Filled', [version('v1', schema({ a: 'A' }))]);
      await eventually('what is stored is shown with the default', async () => (await show('one')) === 'A,');
      await make('two');
      await define(group, 'Filled', [version('v1', schema({ b: 'B' }))]);
      await eventually('the one default goes, the other comes', async () => (await show('one')) === ',B');
      assert.equal(await show('two'), 'A,B', 'what was stored with it stays');
    });

    test('custom resources are listed and watched by their field selectors', async () => {
      const schema = { type: 'object', properties: { color: { type: 'string' } } };
      const group = 'fields.example.com';
      await define(group, 'Tinted', [version('v1', schema, { selectableFields: [{ jsonPath: '.color' }] })]);
      for (const [name, color] of Object.entries({ a: 'red', b: 'blue', c: 'red' }))
        await apply({ apiVersion: `${group}/v1`, kind: 'Tinted', metadata: { name }, color });
      assert.equal(await k('get', 'tinteds', '--field-selector=color=red', '-o', 'name'), `tinted.${group}/a\ntinted.${group}/c\n`);
      const bad = await my.cluster.tryKubectl(['get', 'tinteds', '--field-selector=shape=round']);
      assert.match(bad.err, /field label not supported: shape/);
    });

    describe('publish OpenAPI', () => {
      const properties = (group: string, kind: string, v = 'v1'): string => `${group.split('.').toReversed().join('.')}.${v}.${kind}`;
      const published = async (): Promise<Record<string, unknown>> =>
        ((await ok('GET', '/openapi/v2')) as unknown as { definitions: Record<string, unknown> }).definitions;

      test('works for CRD with validation schema', async () => {
        const bar = { type: 'object', required: ['name'], properties: { name: { type: 'string', description: 'Name of Bar.' }, age: { type: 'string' } } };
        const schema = {
          type: 'object',
          description: 'Foo CRD for Testing',
          properties: { spec: { type: 'object', properties: { bars: { type: 'array', description: 'List of Bars and their specs.', items: bar } } } },
        };
        const group = 'valid.example.com';
        await define(group, 'Foo', [version('v1', schema)]);
        const foo = (spec: object): object => ({ apiVersion: `${group}/v1`, kind: 'Foo', metadata: { name: 'f' }, spec });
        await apply(foo({ bars: [{ name: 'x' }] }));
        assert.match(await refused(foo({ bars: [{ name: 'x' }], unknown: 1 })), /unknown field "spec\.unknown"/);
        assert.match(await refused(foo({ bars: [{ age: '1' }] })), /spec\.bars\[0\]\.name: Required value/);
        assert.match(await k('explain', 'foos'), /DESCRIPTION:\s+Foo CRD for Testing/);
        assert.match(await k('explain', 'foos.spec.bars'), /List of Bars and their specs\./);
        assert.match(await k('explain', 'foos.spec.bars.name'), /Name of Bar\./);
      });

      test('works for CRD preserving unknown fields at the schema root, and in an embedded object', async () => {
        await define('root.example.com', 'Loose', [version('v1', anything)]);
        await apply({ apiVersion: 'root.example.com/v1', kind: 'Loose', metadata: { name: 'l' }, anything: { goes: true } });
        assert.match(await k('explain', 'looses'), /KIND:\s+Loose/);
        await define('inner.example.com', 'Nested', [version('v1', { type: 'object', properties: { spec: anything } })]);
        await apply({ apiVersion: 'inner.example.com/v1', kind: 'Nested', metadata: { name: 'n' }, spec: { a: 'b' } });
        assert.match(await k('explain', 'nesteds.spec'), /preserve|KIND:\s+Nested/);
      });

      test('works for several groups, kinds and versions; follows versions that are renamed or no longer served', async () => {
        const group = 'many.example.com';
        await define('other.example.com', 'Single', [version('v1')]);
        const name = await define(group, 'Multi', [version('v2'), version('v3', anything, { storage: false })]);
        await eventually('all are published', async () => {
          const all = await published();
          return [properties(group, 'Multi', 'v2'), properties(group, 'Multi', 'v3'), properties('other.example.com', 'Single')].every((one) => one in all);
        });
        await apply(definition(group, 'Multi', [version('v2'), version('v4', anything, { storage: false })]));
        await eventually('the new name is there, the old one is not', async () => {
          const all = await published();
          return properties(group, 'Multi', 'v4') in all && !(properties(group, 'Multi', 'v3') in all);
        });
        await apply(definition(group, 'Multi', [version('v2'), version('v4', anything, { storage: false, served: false })]));
        await eventually('it is withdrawn', async () => !(properties(group, 'Multi', 'v4') in (await published())));
        await k('delete', 'crd', name);
      });
    });
  });

  describe('namespaces', () => {
    test('patch, update, status, and a finalizer', async () => {
      await k('create', 'ns', 'spaced');
      const at = '/api/v1/namespaces/spaced';
      assert.equal((await ok('PATCH', at, { metadata: { labels: { testLabel: 'testValue' } } }, merge)).metadata?.labels?.['testLabel'], 'testValue');
      const now = await ok('GET', at);
      await ok('PUT', at, { ...now, metadata: { ...now.metadata, labels: { ...now.metadata?.labels, updated: 'yes' } } });
      const condition = { type: 'StatusPatch', status: 'True', reason: 'E2E', message: 'Patched by an e2e test' };
      await ok('PATCH', `${at}/status`, { metadata: { annotations: { patchedstatus: 'true' } }, status: { conditions: [condition] } }, merge);
      const later = (await ok('GET', `${at}/status`)) as unknown as { metadata: Meta; status: { phase: string; conditions: { type: string }[] } };
      assert.deepEqual(
        [later.status.phase, later.status.conditions.map((one) => one.type), later.metadata.annotations?.['patchedstatus']],
        ['Active', ['StatusPatch'], 'true'],
      );
      const finalizers = async (list: string[]): Promise<string[]> => {
        const current = (await ok('GET', at)) as unknown as { spec: { finalizers?: string[] } };
        const made = (await ok('PUT', `${at}/finalize`, { ...current, spec: { ...current.spec, finalizers: list } })) as unknown as {
          spec: { finalizers?: string[] };
        };
        return made.spec.finalizers ?? [];
      };
      assert.deepEqual(await finalizers(['kubernetes', 'e2e.example.com/fakeFinalizer']), ['kubernetes', 'e2e.example.com/fakeFinalizer']);
      assert.deepEqual(await finalizers(['kubernetes']), ['kubernetes']);
      await k('delete', 'ns', 'spaced', '--timeout=120s');
    });
  });

  describe('events', () => {
    for (const [group, path, note] of [
      ['v1', '/api/v1', 'message'],
      ['events.k8s.io/v1', '/apis/events.k8s.io/v1', 'note'],
    ] as const)
      test(`${group}: fetched, patched, updated with a series, listed, deleted alone and as a collection`, async () => {
        const at = `${path}/namespaces/default/events`;
        const now = '2026-01-01T00:00:00.000000Z';
        const modern = { eventTime: now, reportingController: 'example.com/test', reportingInstance: 'here', action: 'Do' };
        const regarding = { kind: 'Pod', name: 'p', namespace: 'default' };
        const event = (name: string): object => ({
          apiVersion: group,
          kind: 'Event',
          metadata: { name, labels: { set: note } },
          type: 'Normal',
          reason: 'Test',
          [note]: 'first',
          ...(note === 'note' ? { ...modern, regarding } : { involvedObject: regarding }),
        });
        for (const name of ['a', 'b', 'c']) await ok('POST', at, event(`${note}-${name}`));
        const one = `${at}/${note}-a`;
        // What an event of events.k8s.io says does not change any more.
        const change = note === 'note' ? { series: { count: 2, lastObservedTime: now } } : { [note]: 'second' };
        const [field = ''] = Object.keys(change);
        assert.deepEqual((await ok('PATCH', one, change, merge))[field], (change as Record<string, unknown>)[field]);
        const current = await ok('GET', one);
        const series = { count: 100, lastObservedTime: '2026-01-01T00:05:00.000000Z' };
        assert.deepEqual((await ok('PUT', one, { ...current, series }))['series'], series);
        assert.equal((await ok('GET', `${path}/events?labelSelector=set%3D${note}`)).items?.length, 3);
        await ok('DELETE', one);
        assert.equal((await call('GET', one)).code, 404);
        await ok('DELETE', `${at}?labelSelector=set%3D${note}`);
        assert.equal((await ok('GET', `${at}?labelSelector=set%3D${note}`)).items?.length, 0);
      });
  });

  describe('the garbage collector', () => {
    const rcs = '/api/v1/namespaces/default/replicationcontrollers';
    const pods = '/api/v1/namespaces/default/pods';
    const controller = async (name: string, replicas: number): Promise<Meta> => {
      const template = { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
      const made = await ok('POST', rcs, { metadata: { name }, spec: { replicas, selector: { app: name }, template } });
      await eventually('its pods are there', async () => (await of(name)).length === replicas);
      return made.metadata as Meta;
    };
    const of = async (app: string): Promise<Meta[]> => ((await ok('GET', `${pods}?labelSelector=app%3D${app}`)).items ?? []).map(({ metadata }) => metadata);
    const remove = (name: string, propagationPolicy: string): Promise<unknown> => ok('DELETE', `${rcs}/${name}`, { propagationPolicy });

    test('should delete pods created by rc when not orphaning', async () => {
      await controller('bg', 2);
      await remove('bg', 'Background');
      await eventually('they are gone', async () => (await of('bg')).length === 0);
    });

    test('should orphan pods created by rc if delete options say so', async () => {
      await controller('orphans', 3);
      await remove('orphans', 'Orphan');
      await eventually('the controller is gone', async () => (await call('GET', `${rcs}/orphans`)).code === 404);
      const left = await of('orphans');
      assert.deepEqual([left.length, left.every((one) => !one.deletionTimestamp && !one.ownerReferences)], [3, true]);
      await ok('DELETE', `${pods}?labelSelector=app%3Dorphans`);
    });

    test('should keep the rc around until all its pods are deleted if the deleteOptions says so', async () => {
      await controller('fg', 5);
      await ok('PATCH', `${pods}/${(await of('fg'))[0]?.name}`, { metadata: { finalizers: ['example.com/hold'] } }, merge);
      await remove('fg', 'Foreground');
      const held = await eventually('one pod is left', async () => {
        const left = await of('fg');
        return left.length === 1 && left[0];
      });
      const kept = (await ok('GET', `${rcs}/fg`)).metadata;
      assert.ok(kept?.deletionTimestamp && kept.finalizers?.includes('foregroundDeletion'));
      await ok('PATCH', `${pods}/${held.name}`, { metadata: { finalizers: null } }, merge);
      await eventually('both are gone', async () => (await call('GET', `${rcs}/fg`)).code === 404 && (await of('fg')).length === 0);
    });

    test('should not delete dependents that have both valid owner and owner that is waiting for dependents to be deleted', async () => {
      await controller('first', 4);
      const second = await ok('POST', rcs, {
        metadata: { name: 'second' },
        spec: {
          replicas: 0,
          selector: { app: 'second' },
          template: { metadata: { labels: { app: 'second' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } },
        },
      });
      const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'second', uid: second.metadata?.uid };
      const shared = (await of('first')).slice(0, 2);
      for (const { name } of shared)
        await ok('PATCH', `${pods}/${name}`, { metadata: { ownerReferences: [owner] } }, { 'content-type': 'application/strategic-merge-patch+json' });
      await remove('first', 'Foreground');
      await eventually('the first is gone', async () => (await call('GET', `${rcs}/first`)).code === 404);
      const left = await of('first');
      assert.deepEqual(
        [left.map(({ name }) => name).toSorted(), left.some((one) => one.deletionTimestamp)],
        [shared.map(({ name }) => name).toSorted(), false],
      );
      await k('delete', 'rc', 'second');
    });

    test('should not be blocked by dependency circle', async () => {
      const made: Meta[] = [];
      for (const name of ['pod1', 'pod2', 'pod3'])
        made.push(
          (await ok('POST', pods, { metadata: { name, labels: { app: 'circle' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } })).metadata as Meta,
        );
      for (const [i, { name }] of made.entries()) {
        const owner = made[(i + 2) % 3] as Meta;
        const reference = { apiVersion: 'v1', kind: 'Pod', name: owner.name, uid: owner.uid, controller: true, blockOwnerDeletion: true };
        await ok('PATCH', `${pods}/${name}`, { metadata: { ownerReferences: [reference] } }, merge);
      }
      await ok('DELETE', `${pods}/pod1`, { propagationPolicy: 'Foreground' });
      await eventually('all of them are gone', async () => (await of('circle')).length === 0);
    });
  });

  describe('admission webhook configurations', () => {
    for (const sort of ['mutating', 'validating'])
      test(`${sort}: listed and deleted by label, match conditions kept, bad ones refused`, async () => {
        const at = `/apis/admissionregistration.k8s.io/v1/${sort}webhookconfigurations`;
        const hook = (matchConditions: object[]): object => ({
          name: 'w.example.com',
          clientConfig: { url: 'https://127.0.0.1:1/' },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['podtemplates'] }],
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          matchConditions,
        });
        const condition = { name: 'c', expression: "object.metadata.name != 'skip-me'" };
        for (const name of ['a', 'b']) await ok('POST', at, { metadata: { name: `${sort}-${name}`, labels: { set: sort } }, webhooks: [hook([condition])] });
        const patched = await ok('PATCH', `${at}/${sort}-a`, [{ op: 'add', path: '/webhooks/0/matchConditions/-', value: { name: 'd', expression: 'true' } }], {
          'content-type': 'application/json-patch+json',
        });
        assert.deepEqual((patched['webhooks'] as { matchConditions: object[] }[])[0]?.matchConditions, [condition, { name: 'd', expression: 'true' }]);
        const bad = await call('POST', at, { metadata: { name: 'bad' }, webhooks: [hook([{ name: 'c', expression: '... [] bad' }])] });
        assert.deepEqual([bad.code, /compilation failed/.test(JSON.stringify(bad.body))], [422, true]);
        assert.equal((await ok('GET', `${at}?labelSelector=set%3D${sort}`)).items?.length, 2);
        await ok('DELETE', `${at}?labelSelector=set%3D${sort}`);
        assert.equal((await ok('GET', `${at}?labelSelector=set%3D${sort}`)).items?.length, 0);
      });
  });

  test('ServiceAccounts: kube-root-ca.crt exists in any namespace, comes again and is put right', async () => {
    await k('create', 'ns', 'rooted');
    const ca = (): Promise<string> => k('get', 'cm', 'kube-root-ca.crt', '-n', 'rooted', '-o', 'jsonpath={.data.ca\\.crt}');
    await eventually('it is there', async () => /BEGIN CERTIFICATE/.test(await ca()));
    await k('delete', 'cm', 'kube-root-ca.crt', '-n', 'rooted');
    await eventually('it is there again', async () => /BEGIN CERTIFICATE/.test(await ca()));
    await ok('PATCH', '/api/v1/namespaces/rooted/configmaps/kube-root-ca.crt', { data: { 'ca.crt': '' } }, merge);
    await eventually('it is as it was', async () => /BEGIN CERTIFICATE/.test(await ca()));
  });

  test('Conformance Tests should have at least two untainted nodes', async () => {
    const nodes = (await ok('GET', '/api/v1/nodes')).items as unknown as { spec: { taints?: { effect: string }[] } }[];
    assert.ok(nodes.filter(({ spec }) => !spec.taints?.length).length >= 2);
  });
});

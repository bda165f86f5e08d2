import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregatedDiscovery, legacyDiscovery, openApiV2, openApiV2Protobuf, openApiV3, openApiV3Index, type Json } from '#machinery';
import { allKinds, loadDescriptions, schemas } from '#kinds';

const source = { kinds: allKinds, schemas, descriptions: loadDescriptions() };
const info = { title: 'Kubernetes', version: 'v1.36.0' };

function refs(value: unknown, found: Set<string>): Set<string> {
  if (Array.isArray(value)) for (const item of value) refs(item, found);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      // JSONSchemaProps has a property of that name.
      if (key === '$ref' && typeof item === 'string') found.add(item);
      else refs(item, found);
    }
  }
  return found;
}
const groups = [...new Set(allKinds.map((kind) => kind.group))].filter(Boolean);
const at = (value: unknown, ...path: string[]): Json => path.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], value) as Json;

test('every reference resolves, operation ids are unique', () => {
  const v2 = openApiV2(source, info);
  for (const ref of refs(v2, new Set())) assert.ok(at(v2, 'definitions', ref.slice('#/definitions/'.length)), ref);
  const ids = Object.values(at(v2, 'paths') as Record<string, Record<string, { operationId: string }>>).flatMap((item) =>
    Object.values(item).map((operation) => operation.operationId),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const path in openApiV3Index(allKinds, info).paths) {
    const v3 = openApiV3(source, path, info);
    for (const ref of refs(v3, new Set())) assert.ok(at(v3, 'components', 'schemas', ref.slice('#/components/schemas/'.length)), ref);
  }
  assert.equal(openApiV3(source, 'apis/none/v1', info), undefined);
});

test('what kubectl apply looks for', () => {
  const v3 = openApiV3(source, 'apis/apps/v1', info);
  const patch = at(v3, 'paths', '/apis/apps/v1/namespaces/{namespace}/deployments/{name}', 'patch') as { parameters: { name: string }[] };
  assert.ok(patch.parameters.some((parameter) => parameter.name === 'fieldValidation'));
  assert.deepEqual(at(patch, 'x-kubernetes-group-version-kind'), { group: 'apps', kind: 'Deployment', version: 'v1' });
  assert.deepEqual(at(v3, 'components', 'schemas', 'io.k8s.api.apps.v1.Deployment', 'x-kubernetes-group-version-kind'), [
    { group: 'apps', kind: 'Deployment', version: 'v1' },
  ]);
  const { description, ...containers } = at(v3, 'components', 'schemas', 'io.k8s.api.core.v1.PodSpec', 'properties', 'containers') as { [key: string]: Json };
  assert.match(description as string, /^List of containers belonging to the pod/);
  assert.deepEqual(containers, {
    type: 'array',
    items: { $ref: '#/components/schemas/io.k8s.api.core.v1.Container' },
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    'x-kubernetes-patch-strategy': 'merge',
    'x-kubernetes-patch-merge-key': 'name',
  });
});

test('protobuf holds the document', () => {
  const bytes = openApiV2Protobuf(openApiV2(source, info));
  // Field 1, length 3, "2.0"; then the info message.
  assert.deepEqual([...bytes.subarray(0, 5)], [0x0a, 3, 0x32, 0x2e, 0x30]);
  assert.ok(bytes.includes('x-kubernetes-patch-merge-key'));
  assert.ok(bytes.includes('io.k8s.api.core.v1.PodSpec'));
});

test('legacy discovery', () => {
  const discovery = legacyDiscovery(allKinds, '127.0.0.1:6443');
  assert.deepEqual(discovery.apiVersions.versions, ['v1']);
  assert.deepEqual(
    discovery.apiGroupList.groups.map((group) => group.preferredVersion.groupVersion),
    groups.map((group) => allKinds.find((kind) => kind.group === group)!.apiVersion),
  );
  const core = discovery.resources('v1')!.resources;
  assert.deepEqual(
    core.find((resource) => resource.name === 'pods'),
    {
      name: 'pods',
      singularName: 'pod',
      namespaced: true,
      kind: 'Pod',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['po'],
      categories: ['all'],
    },
  );
  assert.deepEqual(
    core.filter((resource) => resource.name.startsWith('pods/')).map((resource) => resource.name),
    [
      'pods/attach',
      'pods/binding',
      'pods/ephemeralcontainers',
      'pods/eviction',
      'pods/exec',
      'pods/log',
      'pods/portforward',
      'pods/proxy',
      'pods/resize',
      'pods/status',
    ],
  );
  assert.deepEqual(
    discovery.resources('apps/v1')!.resources.find((resource) => resource.name === 'deployments/scale'),
    { name: 'deployments/scale', singularName: '', namespaced: true, group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
  );
  assert.equal(discovery.resources('apps/v2'), undefined);
  assert.equal(discovery.group('apps')!.kind, 'APIGroup');
});

test('aggregated discovery', () => {
  const core = aggregatedDiscovery(allKinds, 'v2', 'core');
  assert.equal(core.apiVersion, 'apidiscovery.k8s.io/v2');
  assert.deepEqual(
    core.items.map((item) => item.metadata),
    [{}],
  );
  const account = core.items[0]!.versions[0]!.resources.find((resource) => resource.resource === 'serviceaccounts');
  assert.deepEqual(account!.subresources, [
    { subresource: 'token', responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] },
  ]);
  assert.deepEqual(
    aggregatedDiscovery(allKinds, 'v2beta1', 'groups').items.map((item) => item.metadata.name),
    groups,
  );
});

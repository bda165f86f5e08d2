import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1CustomResourceDefinition } from '../generated/types.ts';
import { prepared, refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { CustomResourceDefinition } from './customresourcedefinition.ts';

const definition = (change: (object: V1CustomResourceDefinition) => void): string[] =>
  refused(CustomResourceDefinition, change).map((text) => text.replace(/(a DNS-1035) .*/, '…'));
const version = (extra: object): string[] => definition((object) => Object.assign(object.spec.versions[0]!, extra));

test('names are completed', () => {
  const object = prepared(CustomResourceDefinition, {
    metadata: { name: 'gadgets.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names: { kind: 'Gadget', plural: 'gadgets' }, versions: [{ name: 'v1', served: true, storage: true }] },
  });
  assert.deepEqual(object.spec.names, { kind: 'Gadget', plural: 'gadgets', singular: 'gadget', listKind: 'GadgetList' });
  assert.deepEqual(object.spec.conversion, { strategy: 'None' });
  assert.deepEqual(object.status, { acceptedNames: { kind: '', plural: '' }, storedVersions: ['v1'] });
});

test('nothing is there', () => {
  assert.deepEqual(
    definition((object) => delete (object as { spec?: unknown }).spec),
    [
      'metadata.name: Invalid value: "gadgets.minimal.example.com": must be spec.names.plural+"."+spec.group',
      'spec.group: Required value',
      'spec.scope: Required value',
      'spec.versions: Invalid value: []: must have exactly one version marked as storage version',
      'spec.names.plural: Required value',
      'spec.names.singular: Required value',
      'spec.names.kind: Required value',
      'spec.names.listKind: Required value',
    ],
  );
});

test('names and groups', () => {
  assert.deepEqual(
    definition(({ spec }) => {
      spec.group = 'example';
      spec.scope = 'World';
      spec.names = { plural: 'Gadgets', kind: 'Gad get', listKind: 'Gad get', shortNames: ['G'], categories: ['A'] };
    }),
    [
      'metadata.name: Invalid value: "gadgets.minimal.example.com": must be spec.names.plural+"."+spec.group',
      'spec.group: Invalid value: "example": should be a domain with at least one dot',
      'spec.scope: Unsupported value: "World": supported values: "Cluster", "Namespaced"',
      'spec.names.plural: Invalid value: "Gadgets": …',
      'spec.names.singular: Invalid value: "gad get": …',
      'spec.names.kind: Invalid value: "Gad get": may have mixed case, but should otherwise match: …',
      'spec.names.listKind: Invalid value: "Gad get": may have mixed case, but should otherwise match: …',
      'spec.names.shortNames[0]: Invalid value: "G": …',
      'spec.names.categories[0]: Invalid value: "A": …',
      'spec.names.listKind: Invalid value: "Gad get": kind and listKind may not be the same',
    ],
  );
});

test('groups of the project need an approval', () => {
  const group = (annotations?: { [key: string]: string }): string[] =>
    definition((object) => {
      object.metadata = { name: 'gadgets.x.k8s.io', ...(annotations ? { annotations } : {}) };
      object.spec.group = 'x.k8s.io';
    });
  const at = 'metadata.annotations[api-approved.kubernetes.io]';
  assert.deepEqual(group(), [
    `${at}: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111`,
  ]);
  assert.deepEqual(group({ 'api-approved.kubernetes.io': 'https://github.com/kubernetes/kubernetes/pull/1' }), []);
  assert.deepEqual(group({ 'api-approved.kubernetes.io': 'unapproved, experimental' }), []);
  assert.equal(group({ 'api-approved.kubernetes.io': 'yes' }).length, 1);
});

test('versions have schemas, paths and columns', () => {
  const at = 'spec.versions[0]';
  assert.deepEqual(version({ schema: undefined }), [`${at}.schema.openAPIV3Schema: Required value: schemas are required`]);
  assert.deepEqual(version({ schema: { openAPIV3Schema: { type: 'object', properties: { a: {} } } } }), [
    'spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
  ]);
  assert.deepEqual(version({ deprecationWarning: 'old' }), [`${at}.deprecationWarning: Invalid value: "old": can only be set for deprecated versions`]);
  assert.deepEqual(
    version({
      additionalPrinterColumns: [
        { name: '', type: 'text', jsonPath: 'spec', format: 'odd' },
        { name: 'a', type: 'string', jsonPath: '.a[?(@.b=="c")].d' },
      ],
    }),
    [
      `${at}.additionalPrinterColumns[0].name: Required value`,
      `${at}.additionalPrinterColumns[0].type: Unsupported value: "text": supported values: "boolean", "date", "integer", "number", "string"`,
      `${at}.additionalPrinterColumns[0].format: Unsupported value: "odd": supported values: "byte", "date", "date-time", "double", "float", "int32", "int64", "password"`,
      `${at}.additionalPrinterColumns[0].jsonPath: Invalid value: "spec": must be a simple json path starting with .`,
    ],
  );
  assert.deepEqual(version({ subresources: { scale: { specReplicasPath: '.status.x', statusReplicasPath: '' } } }), [
    `${at}.subresources.scale.specReplicasPath: Invalid value: ".status.x": should be a json path under .spec`,
    `${at}.subresources.scale.statusReplicasPath: Required value`,
  ]);
  assert.deepEqual(
    version({ selectableFields: [{ jsonPath: '.metadata.name' }, { jsonPath: '.spec.a' }, { jsonPath: '.spec.a' }, { jsonPath: '.spec.list[*]' }] }),
    [
      `${at}.selectableFields[0].jsonPath: Invalid value: ".metadata.name": must not point to fields in metadata`,
      `${at}.selectableFields[2].jsonPath: Duplicate value: ".spec.a"`,
      `${at}.selectableFields[3].jsonPath: Invalid value: ".spec.list[*]": is an invalid path: must be a simple path`,
    ],
  );
});

test('one version is stored, each is named once', () => {
  const two = definition(({ spec }) => spec.versions.push({ ...spec.versions[0]!, storage: true }));
  assert.deepEqual(
    two.map((text) => text.replace(/\[\{.*\}\]/, '…')),
    [
      'spec.versions: Invalid value: …: must contain unique version names',
      'spec.versions: Invalid value: …: must have exactly one version marked as storage version',
    ],
  );
});

test('conversion by webhook', () => {
  const conversion = (wanted: object): string[] => definition(({ spec }) => (spec.conversion = wanted as never));
  assert.deepEqual(conversion({ strategy: 'Webhook' }), [
    'spec.conversion.webhook.clientConfig: Required value: required when strategy is set to Webhook',
    'spec.conversion.webhook.conversionReviewVersions: Required value: must specify one of v1, v1beta1',
  ]);
  assert.deepEqual(conversion({ strategy: 'Webhook', webhook: { clientConfig: { url: 'http://a.b/c?d' }, conversionReviewVersions: ['v7'] } }), [
    `spec.conversion.webhook.clientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
    'spec.conversion.webhook.clientConfig.url: Invalid value: "d": query parameters are not permitted in the URL',
    'spec.conversion.webhook.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
  ]);
  assert.deepEqual(conversion({ strategy: 'None', webhook: { clientConfig: { url: 'https://a.b' }, conversionReviewVersions: ['v1'] } }), [
    'spec.conversion.webhook: Forbidden: should not be set when strategy is not set to Webhook',
  ]);
});

test('what an established definition keeps', () => {
  const change = ({ spec }: V1CustomResourceDefinition): void => {
    spec.scope = 'Cluster';
    spec.names.kind = 'Thing';
  };
  assert.deepEqual(refusedUpdate(CustomResourceDefinition, change), []);
  const established = (object: V1CustomResourceDefinition): void => void (object.status!.conditions = [{ type: 'Established', status: 'True' }]);
  assert.deepEqual(refusedUpdate(CustomResourceDefinition, change, 'full', established), [
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Thing": field is immutable',
  ]);
  assert.deepEqual(
    refusedUpdate(CustomResourceDefinition, ({ spec }) => (spec.group = 'other.example.com')),
    [
      'metadata.name: Invalid value: "gizmos.full.example.com": must be spec.names.plural+"."+spec.group',
      'spec.group: Invalid value: "other.example.com": field is immutable',
    ],
  );
});

test('stored versions stay until a migration has removed them', () => {
  const drop = refusedUpdate(CustomResourceDefinition, ({ spec }) => {
    spec.versions[1]!.storage = true;
    spec.versions.shift();
  });
  assert.equal(drop.length, 1);
  assert.match(drop[0]!, /^status.storedVersions\[0\]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version/);
  assert.deepEqual(refusedStatus(CustomResourceDefinition, { storedVersions: [] }), [
    'status.storedVersions: Invalid value: []: must have at least one stored version',
  ]);
  assert.deepEqual(refusedStatus(CustomResourceDefinition, { storedVersions: ['v1beta1'] }), [
    'status.storedVersions: Invalid value: ["v1beta1"]: must have the storage version v1',
  ]);
});

test('a schema that was accepted is not judged again while it stays', () => {
  const odd = { type: 'object', properties: { a: {} } };
  const before = ({ spec }: V1CustomResourceDefinition): void => void (spec.versions[0]!.schema = { openAPIV3Schema: odd });
  assert.deepEqual(
    refusedUpdate(CustomResourceDefinition, ({ spec }) => (spec.versions[0]!.served = false), 'full', before),
    [],
  );
  assert.equal(
    refusedUpdate(CustomResourceDefinition, ({ spec }) => (spec.versions[0]!.schema = { openAPIV3Schema: { ...odd, description: 'new' } }), 'full', before)
      .length,
    1,
  );
});

import { defineKind, type Kind } from '#machinery';
import type {
  V1CustomResourceDefinition,
  V1CustomResourceDefinitionNames,
  V1CustomResourceDefinitionSpec,
  V1CustomResourceDefinitionVersion,
} from '../generated/types.ts';
import { createdAtColumn, nameColumn } from '../support/columns.ts';
import { defaultClientConfig } from '../support/webhooks.ts';
import { validateDefinition, validateStoredVersions } from './crd-validation.ts';

/** What a client may leave out although the API says it must not: absent is empty, as in Go. */
function complete(definition: Partial<V1CustomResourceDefinition>): V1CustomResourceDefinitionSpec {
  const spec: Partial<V1CustomResourceDefinitionSpec> = (definition.spec ??= { group: '', names: { kind: '', plural: '' }, scope: '', versions: [] });
  spec.group ??= '';
  spec.versions ??= [];
  const names: Partial<V1CustomResourceDefinitionNames> = (spec.names ??= { kind: '', plural: '' });
  names.kind ??= '';
  names.plural ??= '';
  return definition.spec;
}

function defaults(definition: V1CustomResourceDefinition): void {
  const spec = complete(definition);
  spec.names.singular ||= spec.names.kind.toLowerCase();
  spec.names.listKind ||= spec.names.kind ? `${spec.names.kind}List` : '';
  spec.conversion ??= { strategy: 'None' };
  spec.conversion.strategy ||= 'None';
  defaultClientConfig(spec.conversion.webhook?.clientConfig);
  for (const version of spec.versions as Partial<V1CustomResourceDefinitionVersion>[]) {
    version.served ??= false;
    version.storage ??= false;
  }
}

/** A version that was the storage version once stays listed until a migration has removed it. */
function recordStored(definition: V1CustomResourceDefinition): void {
  const storage = definition.spec.versions.find((version) => version.storage)?.name;
  const stored = definition.status?.storedVersions ?? [];
  if (storage && !stored.includes(storage)) definition.status = { ...definition.status, storedVersions: [...stored, storage] };
}

export const CustomResourceDefinition: Kind<V1CustomResourceDefinition> = defineKind<V1CustomResourceDefinition>({
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1CustomResourceDefinition',
  unconditionalUpdate: false,
  status: true,
  columns: [nameColumn, createdAtColumn],
  defaults,
  prepareCreate(definition) {
    definition.status = { acceptedNames: { kind: '', plural: '' } };
    recordStored(definition);
  },
  prepareUpdate: recordStored,
  validate: validateDefinition,
  validateStatus: validateStoredVersions,
});

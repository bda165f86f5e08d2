/** Validation of CustomResourceDefinitions without their schemas (apiextensions-apiserver's apis/apiextensions/validation). */
import { parseJsonPath, validateStructural, type FieldError, type JSONSchemaProps } from '#machinery';
import type {
  V1CustomResourceColumnDefinition,
  V1CustomResourceConversion,
  V1CustomResourceDefinition,
  V1CustomResourceDefinitionNames,
  V1CustomResourceDefinitionSpec,
  V1CustomResourceDefinitionVersion,
  V1CustomResourceSubresources,
} from '../generated/types.ts';
import { duplicate, forbidden, invalidValue, oneOf, required, sameJson, unchanged, unsupported } from '../support/errors.ts';
import { checked, dnsLabel1035, dnsSubdomain } from '../support/names.ts';
import { validateClientConfig, validateReviewVersions } from '../support/webhooks.ts';

const approval = 'api-approved.kubernetes.io';
const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

const mixedCase = (field: string, value: string): FieldError[] => {
  const problems = dnsLabel1035(value.toLowerCase());
  return problems.length === 0 ? [] : [invalidValue(field, value, `may have mixed case, but should otherwise match: ${problems.join(',')}`)];
};

function validateNames(names: V1CustomResourceDefinitionNames, at: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key of ['plural', 'singular'] as const)
    errors.push(...(names[key] ? checked(`${at}.${key}`, names[key], dnsLabel1035) : [required(`${at}.${key}`)]));
  for (const key of ['kind', 'listKind'] as const) errors.push(...(names[key] ? mixedCase(`${at}.${key}`, names[key]) : [required(`${at}.${key}`)]));
  names.shortNames?.forEach((name, i) => errors.push(...checked(`${at}.shortNames[${i}]`, name, dnsLabel1035)));
  names.categories?.forEach((name, i) => errors.push(...checked(`${at}.categories[${i}]`, name, dnsLabel1035)));
  if (names.kind && names.kind === names.listKind) errors.push(invalidValue(`${at}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  return errors;
}

/** `.spec.replicas`: names only, no lists and no filters. */
const isSimplePath = (path: string): boolean => /^(\.[A-Za-z_][-\w]*|\['[^']+'\])+$/.test(path);

/** Paths of columns may filter; they must be of the sort that can be printed. */
function validatePath(field: string, path: string): FieldError[] {
  if (!path.startsWith('.')) return [invalidValue(field, path, 'must be a simple json path starting with .')];
  try {
    parseJsonPath(path);
    return [];
  } catch (error) {
    return [invalidValue(field, path, error instanceof Error ? error.message : String(error))];
  }
}

function validateScale(at: string, scale: NonNullable<V1CustomResourceSubresources['scale']>): FieldError[] {
  const under = (field: 'specReplicasPath' | 'statusReplicasPath' | 'labelSelectorPath', roots: readonly string[]): FieldError[] => {
    const path = scale[field];
    if (!path) return field === 'labelSelectorPath' ? [] : [required(`${at}.${field}`)];
    return roots.some((root) => path.startsWith(`${root}.`)) ? [] : [invalidValue(`${at}.${field}`, path, `should be a json path under ${roots.join(' or ')}`)];
  };
  return [...under('specReplicasPath', ['.spec']), ...under('statusReplicasPath', ['.status']), ...under('labelSelectorPath', ['.status', '.spec'])];
}

function validateColumn(at: string, column: V1CustomResourceColumnDefinition): FieldError[] {
  const errors: FieldError[] = column.name ? [] : [required(`${at}.name`)];
  if (!column.type) errors.push(required(`${at}.type`, `must be one of ${columnTypes.join(',')}`));
  else if (!columnTypes.includes(column.type)) errors.push(unsupported(`${at}.type`, column.type, columnTypes));
  if (column.format && !columnFormats.includes(column.format)) errors.push(unsupported(`${at}.format`, column.format, columnFormats));
  return [...errors, ...(column.jsonPath ? validatePath(`${at}.jsonPath`, column.jsonPath) : [required(`${at}.jsonPath`)])];
}

/** Where findings about schemas are shown: one that all versions share stands at the definition, as the real server keeps it. */
const schemaPath = (versions: readonly V1CustomResourceDefinitionVersion[], i: number): string =>
  versions.every((version) => sameJson(version.schema, versions[0]?.schema)) ? 'spec.validation.openAPIV3Schema' : `spec.versions[${i}].schema.openAPIV3Schema`;

/** A schema that was accepted once is not judged again until it changes. */
function validateSchema(at: string, version: V1CustomResourceDefinitionVersion, old: V1CustomResourceDefinition | undefined): FieldError[] {
  const schema = version.schema?.openAPIV3Schema;
  if (!schema) return [];
  const before = old?.spec.versions.find((other) => other.name === version.name)?.schema?.openAPIV3Schema;
  return before && sameJson(schema, before) ? [] : validateStructural(schema as JSONSchemaProps, at);
}

function validateVersion(at: string, version: V1CustomResourceDefinitionVersion): FieldError[] {
  const errors = checked(`${at}.name`, version.name ?? '', dnsLabel1035);
  const { deprecationWarning: warning } = version;
  if (warning !== undefined) {
    if (!version.deprecated) errors.push(invalidValue(`${at}.deprecationWarning`, warning, 'can only be set for deprecated versions'));
    if (warning.length > 256) errors.push(invalidValue(`${at}.deprecationWarning`, warning, 'must be <= 256 bytes'));
    if (warning === '') errors.push(invalidValue(`${at}.deprecationWarning`, warning, 'must not be an empty string'));
  }
  version.additionalPrinterColumns?.forEach((column, i) => errors.push(...validateColumn(`${at}.additionalPrinterColumns[${i}]`, column)));
  if (version.subresources?.scale) errors.push(...validateScale(`${at}.subresources.scale`, version.subresources.scale));
  const fields = version.selectableFields ?? [];
  if (fields.length > 8) errors.push(invalidValue(`${at}.selectableFields`, fields.length, 'must have at most 8 items'));
  fields.forEach((field, i) => {
    const here = `${at}.selectableFields[${i}].jsonPath`;
    if (!field.jsonPath) errors.push(required(here));
    else if (!isSimplePath(field.jsonPath)) errors.push(invalidValue(here, field.jsonPath, 'is an invalid path: must be a simple path'));
    else if (field.jsonPath.startsWith('.metadata.')) errors.push(invalidValue(here, field.jsonPath, 'must not point to fields in metadata'));
    else if (fields.findIndex((other) => other.jsonPath === field.jsonPath) < i) errors.push(duplicate(here, field.jsonPath));
  });
  return errors;
}

function validateConversion(at: string, conversion: V1CustomResourceConversion | undefined): FieldError[] {
  if (!conversion) return [];
  const errors = oneOf(`${at}.strategy`, conversion.strategy, ['None', 'Webhook']);
  const { webhook } = conversion;
  if (conversion.strategy !== 'Webhook') {
    if (webhook) errors.push(forbidden(`${at}.webhook`, 'should not be set when strategy is not set to Webhook'));
    return errors;
  }
  if (!webhook?.clientConfig) errors.push(required(`${at}.webhook.clientConfig`, 'required when strategy is set to Webhook'));
  else errors.push(...validateClientConfig(`${at}.webhook.clientConfig`, webhook.clientConfig));
  return [...errors, ...validateReviewVersions(`${at}.webhook.conversionReviewVersions`, webhook?.conversionReviewVersions)];
}

function validateSpec(spec: V1CustomResourceDefinitionSpec, old: V1CustomResourceDefinition | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const { group, versions } = spec;
  if (group === '') errors.push(required('spec.group'));
  else if (dnsSubdomain(group).length > 0) errors.push(...checked('spec.group', group, dnsSubdomain));
  else if (!group.includes('.')) errors.push(invalidValue('spec.group', group, 'should be a domain with at least one dot'));
  errors.push(...oneOf('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  versions.forEach((version, i) => {
    errors.push(...validateVersion(`spec.versions[${i}]`, version));
    const at = schemaPath(versions, i);
    if (!version.schema?.openAPIV3Schema) errors.push(required(`spec.versions[${i}].schema.openAPIV3Schema`, 'schemas are required'));
    else if (i === 0 || !at.startsWith('spec.validation')) errors.push(...validateSchema(at, version, old));
  });
  if (new Set(versions.map((version) => version.name)).size !== versions.length)
    errors.push(invalidValue('spec.versions', versions, 'must contain unique version names'));
  if (versions.filter((version) => version.storage).length !== 1)
    errors.push(invalidValue('spec.versions', versions, 'must have exactly one version marked as storage version'));
  if (spec.preserveUnknownFields) errors.push(invalidValue('spec.preserveUnknownFields', true, 'must be false'));
  errors.push(...validateNames(spec.names, 'spec.names'), ...validateConversion('spec.conversion', spec.conversion));
  return errors;
}

/** Groups under k8s.io and kubernetes.io belong to the project: their definitions name the approval, or say that there is none. */
function validateApproval(definition: V1CustomResourceDefinition): FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(definition.spec.group)) return [];
  const field = `metadata.annotations[${approval}]`;
  const value = definition.metadata?.annotations?.[approval];
  if (!value)
    return [
      required(field, `protected groups must have approval annotation ${JSON.stringify(approval)}, see https://github.com/kubernetes/enhancements/pull/1111`),
    ];
  if (value.startsWith('unapproved') || URL.canParse(value)) return [];
  return [
    invalidValue(
      field,
      value,
      `protected groups must have approval annotation ${JSON.stringify(approval)} with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
    ),
  ];
}

export const isEstablished = (definition: V1CustomResourceDefinition): boolean =>
  definition.status?.conditions?.some((condition) => condition.type === 'Established' && condition.status === 'True') === true;

export function validateStoredVersions(definition: V1CustomResourceDefinition): FieldError[] {
  const stored = definition.status?.storedVersions ?? [];
  const versions = definition.spec.versions;
  const field = 'status.storedVersions';
  if (stored.length === 0) return [invalidValue(field, stored, 'must have at least one stored version')];
  const errors = stored.flatMap((name, i) =>
    versions.some((version) => version.name === name)
      ? []
      : [
          invalidValue(
            `${field}[${i}]`,
            name,
            `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
          ),
        ],
  );
  const storage = versions.find((version) => version.storage)?.name;
  if (storage && !stored.includes(storage)) errors.push(invalidValue(field, stored, `must have the storage version ${storage}`));
  return errors;
}

export function validateDefinition(definition: V1CustomResourceDefinition, old: V1CustomResourceDefinition | undefined): FieldError[] {
  const { spec, metadata } = definition;
  const wanted = `${spec.names.plural}.${spec.group}`;
  const errors = metadata?.name && metadata.name !== wanted ? [invalidValue('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group')] : [];
  errors.push(...validateSpec(spec, old), ...(old && validateApproval(old).length > 0 ? [] : validateApproval(definition)));
  if (!old) return errors;
  if (isEstablished(old))
    errors.push(...unchanged('spec.scope', spec.scope, old.spec.scope), ...unchanged('spec.names.kind', spec.names.kind, old.spec.names.kind));
  errors.push(...unchanged('spec.group', spec.group, old.spec.group), ...unchanged('spec.names.plural', spec.names.plural, old.spec.names.plural));
  return [...errors, ...validateStoredVersions(definition)];
}

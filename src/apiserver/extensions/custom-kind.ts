import {
  badRequest,
  cloneObject,
  compileStructural,
  decode,
  defineKind,
  equalJson,
  printerColumns,
  schemaView,
  selectableFields,
  simplePath,
  valueAt,
  type DecodeRequest,
  type Json,
  type Kind,
  type KubeObject,
  type ScaleRules,
  type SchemaSet,
  type Shape,
  type StructuralType,
} from '#machinery';
import type { Convert } from './conversion.ts';
import type { Definition, Names, Version } from './definition.ts';

interface Source {
  readonly definition: Definition;
  readonly names: Names;
  readonly schemas: SchemaSet;
  readonly convert: Convert;
}

/** The kind of one served version of a definition. Its schema is compiled when it is first used. */
export function customKind(source: Source, version: Version): Kind {
  const { definition, names, convert } = source;
  const { group, scope, versions } = definition.spec;
  const type = structuralType(source, version);
  const { status, scale } = version.subresources ?? {};
  const stored = versions.find((other) => other.storage)?.name ?? version.name;
  return defineKind<KubeObject>({
    group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    ...(names.singular ? { singular: names.singular } : {}),
    ...(names.listKind ? { listKind: names.listKind } : {}),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    schema: type.patchType,
    openapiName: [...group.split('.').toReversed(), version.name, names.kind].join('.'),
    shape: shapeOf(type, names.kind, version.name),
    revision: `${definition.metadata?.uid}/${definition.metadata?.generation}`,
    storageVersion: `${group}/${stored}`,
    convert,
    ...(JSON.stringify(version.schema ?? {}).includes('"default":') ? { restore: (object: KubeObject) => defaulted(object, type) } : {}),
    ...(definition.metadata?.deletionTimestamp ? { verbs: verbsWhileTerminating } : {}),
    ...(version.deprecated ? { deprecation: version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated` } : {}),
    status: status !== undefined,
    unconditionalUpdate: false,
    generation: true,
    ...(scale ? { scale: scaleRules(scale) } : {}),
    columns: printerColumns(version.additionalPrinterColumns),
    selectableFields: selectableFields(version.selectableFields),
    defaults: (object) => type.default(object as Json),
    prepareCreate(object) {
      if (status !== undefined) delete (object as { status?: unknown }).status;
    },
    validate: (object, old) => type.validate(object, old),
    validateStatus: (object, old) => type.validate(object, old),
  });
}

/** Nothing new is made of a definition that is on its way out. */
const verbsWhileTerminating = ['delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function structuralType({ definition, names, schemas }: Source, version: Version): StructuralType {
  return compileStructural(version.schema?.openAPIV3Schema, {
    group: definition.spec.group,
    version: version.name,
    kind: names.kind,
    preserveUnknownFields: definition.spec.preserveUnknownFields === true,
    metadataSchema: schemaView(schemas),
    decodeMetadata(value, path) {
      const { value: object, unknown, error } = decode(schemas, 'V1ObjectMeta', value, 'Strict');
      return { value: object as Json, unknown: unknown.map((field) => `${path}.${field}`), error };
    },
  });
}

/** Defaults that a definition got after an object was stored are there when it is read. */
function defaulted(object: KubeObject, type: StructuralType): KubeObject {
  const copy = cloneObject(object);
  type.default(copy as Json);
  return equalJson(copy, object) ? object : copy;
}

function shapeOf(type: StructuralType, kind: string, version: string): Shape {
  return {
    get patchSchema() {
      return type.patchSchema;
    },
    get openapi() {
      return type.openapi;
    },
    get openapiV2() {
      return type.openapiV2;
    },
    decode(value: Json, { mode = 'Warn', duplicates = [] }: DecodeRequest) {
      const refuse = (why: string): Error => badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${why}`);
      const pruned = type.prune(value, mode);
      if (pruned.error !== undefined) throw refuse(pruned.error);
      const findings = [
        ...pruned.unknown.map((path) => `unknown field "${path}"`),
        ...(mode === 'Ignore' ? [] : duplicates.map((path) => `duplicate field "${path}"`)),
      ];
      if (mode === 'Strict' && findings.length > 0) throw refuse(`strict decoding error: ${findings.join(', ')}`);
      return { object: pruned.value as KubeObject, warnings: findings };
    },
  };
}

function scaleRules(scale: NonNullable<NonNullable<Version['subresources']>['scale']>): ScaleRules<KubeObject> {
  const selector = scale.labelSelectorPath === undefined ? undefined : simplePath(scale.labelSelectorPath);
  return {
    specReplicas: simplePath(scale.specReplicasPath),
    statusReplicas: simplePath(scale.statusReplicasPath),
    selector(object) {
      const value = selector && valueAt(object as Json, selector);
      return typeof value === 'string' ? value : '';
    },
  };
}

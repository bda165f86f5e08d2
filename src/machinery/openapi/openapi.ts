/** The OpenAPI documents: version 2 of everything, version 3 per group version. */
import { createHash } from 'node:crypto';
import { subresourcesOf } from '../discovery.ts';
import type { Kind } from '../kind.ts';
import type { Json } from '../object.ts';
import { Definitions, patchName, v2Dialect, v3Dialect, type JsonObject, type OpenApiSource } from './definitions.ts';
import { operationsOf, type Operation, type Parameter } from './operations.ts';

export interface OpenApiInfo {
  title: string;
  version: string;
}

const json = 'application/json';
const strategic = 'application/strategic-merge-patch+json';
const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', strategic, 'application/apply-patch+yaml'];
/** kubectl goes by this: custom resources have no strategic merge patch. */
const patchTypesOf = ({ custom }: Operation): string[] => (custom ? patchTypes.filter((type) => type !== strategic) : patchTypes);
const common = (operation: Operation): JsonObject => ({
  description: operation.description,
  operationId: operation.id,
  tags: [operation.tag],
  'x-kubernetes-action': operation.action,
  'x-kubernetes-group-version-kind': operation.gvk,
});

function v2Parameter(parameter: Parameter): JsonObject {
  return {
    name: parameter.name,
    in: parameter.in,
    description: parameter.description,
    type: parameter.type,
    uniqueItems: true,
    ...(parameter.in === 'path' ? { required: true } : {}),
  };
}
function v2Operation(operation: Operation): JsonObject {
  const parameters: Json[] = operation.parameters.map(v2Parameter);
  if (operation.body) parameters.unshift({ name: 'body', in: 'body', schema: operation.body.schema, ...(operation.body.required ? { required: true } : {}) });
  return {
    ...common(operation),
    consumes: operation.body?.patch ? patchTypesOf(operation) : ['*/*'],
    produces: [json],
    schemes: ['https'],
    parameters,
    responses: v2Responses(operation),
  };
}
function v2Responses(operation: Operation): JsonObject {
  const ok: JsonObject = { description: 'OK', schema: operation.response };
  return { '200': ok, ...(operation.created ? { '201': { ...ok, description: 'Created' } } : {}), '401': { description: 'Unauthorized' } };
}

function v3Parameter(parameter: Parameter): JsonObject {
  return {
    name: parameter.name,
    in: parameter.in,
    description: parameter.description,
    schema: { type: parameter.type, uniqueItems: true },
    ...(parameter.in === 'path' ? { required: true } : {}),
  };
}
function v3Operation(operation: Operation): JsonObject {
  const ok: JsonObject = { description: 'OK', content: { [json]: { schema: operation.response } } };
  const responses: JsonObject = {
    '200': ok,
    ...(operation.created ? { '201': { ...ok, description: 'Created' } } : {}),
    '401': { description: 'Unauthorized' },
  };
  const document: JsonObject = { ...common(operation), parameters: operation.parameters.map(v3Parameter), responses };
  if (operation.body) {
    const media: JsonObject = {};
    for (const type of operation.body.patch ? patchTypesOf(operation) : ['*/*']) media[type] = { schema: operation.body.schema };
    document['requestBody'] = { content: media, ...(operation.body.required ? { required: true } : {}) };
  }
  return document;
}

function pathsOf(kinds: readonly Kind[], definitions: Definitions, render: (operation: Operation) => JsonObject): JsonObject {
  const paths: JsonObject = {};
  const patchRef = definitions.shared(patchName);
  for (const kind of kinds) {
    for (const operation of operationsOf(kind, definitions, patchRef)) {
      const item = (paths[operation.path] ??= {}) as JsonObject;
      item[operation.method] = render(operation);
    }
  }
  return sorted(paths);
}
const sorted = (record: JsonObject): JsonObject => Object.fromEntries(Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** GET /openapi/v2 as JSON. Takes some 20 ms and yields about a megabyte: keep the serialized form. */
export function openApiV2(source: OpenApiSource, info: OpenApiInfo): JsonObject {
  const definitions = new Definitions(source, v2Dialect);
  const paths = pathsOf(source.kinds, definitions, v2Operation);
  return {
    swagger: '2.0',
    info: { ...info },
    paths,
    definitions: sorted(definitions.all),
    securityDefinitions: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' } },
    security: [{ BearerToken: [] }],
  };
}

/** `api/v1` or `apis/apps/v1`. */
const pathOf = (kind: Kind): string => (kind.group ? `apis/${kind.apiVersion}` : `api/${kind.version}`);

/** GET /openapi/v3: where the document of each group version is. The hash changes when its kinds do. */
export function openApiV3Index(kinds: readonly Kind[], info: OpenApiInfo): { paths: { [path: string]: { serverRelativeURL: string } } } {
  const paths: { [path: string]: { serverRelativeURL: string } } = {};
  for (const path of [...new Set(kinds.map(pathOf))].toSorted()) {
    const members = kinds
      .filter((kind) => pathOf(kind) === path)
      .map((kind) => [kind.kind, kind.verbs, subresourcesOf(kind).map((sub) => sub.name), kind.revision]);
    const hash = createHash('sha256')
      .update(JSON.stringify([info, members]))
      .digest('hex')
      .toUpperCase();
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
  }
  return { paths };
}

/** GET /openapi/v3/PATH, with `path` as in the index (`api/v1`, `apis/apps/v1`). Undefined when no kind lives there. */
export function openApiV3(source: OpenApiSource, path: string, info: OpenApiInfo): JsonObject | undefined {
  const kinds = source.kinds.filter((kind) => pathOf(kind) === path);
  if (kinds.length === 0) return undefined;
  const definitions = new Definitions(source, v3Dialect);
  const paths = pathsOf(kinds, definitions, v3Operation);
  return {
    openapi: '3.0.0',
    info: { ...info },
    paths,
    components: {
      schemas: sorted(definitions.all),
      securitySchemes: { BearerToken: { type: 'apiKey', name: 'authorization', in: 'header', description: 'Bearer Token authentication' } },
    },
    security: [{ BearerToken: [] }],
  };
}

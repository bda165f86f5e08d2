/** Paths and operations of kinds, without the syntax of one OpenAPI version. */
import { subresourcesOf } from '../discovery.ts';
import type { Kind } from '../kind.ts';
import { gvk, type Definitions, type JsonObject } from './definitions.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  type: 'string' | 'boolean' | 'integer';
  description: string;
}
export interface Operation {
  path: string;
  method: 'get' | 'put' | 'post' | 'delete' | 'patch';
  id: string;
  tag: string;
  description: string;
  /** Of Kubernetes: get, list, post, put, patch, delete, deletecollection, connect. */
  action: string;
  gvk: JsonObject;
  parameters: Parameter[];
  body: { schema: JsonObject; patch: boolean; required: boolean } | undefined;
  response: JsonObject;
  created: boolean;
  /** Of a custom resource. */
  custom: boolean;
}

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({ name, in: 'query', type, description });
const pretty = query('pretty', 'string', "If 'true', then the output is pretty printed.");
const dryRun = query(
  'dryRun',
  'string',
  'When present, indicates that modifications should not be persisted. An invalid or unrecognized dryRun directive will result in an error response and no further processing of the request. Valid values are: - All: all dry run stages will be processed',
);
const fieldManager = query(
  'fieldManager',
  'string',
  'fieldManager is a name associated with the actor or entity that is making these changes. The value must be less than or 128 characters long, and only contain printable characters. This field is required for apply requests (application/apply-patch).',
);
const fieldValidation = query(
  'fieldValidation',
  'string',
  'fieldValidation instructs the server on how to handle objects in the request (POST/PUT/PATCH) containing unknown or duplicate fields. Valid values are: - Ignore: This will ignore any unknown fields that are silently dropped from the object, and will ignore all but the last duplicate field that the decoder encounters. - Warn: This will send a warning via the standard warning response header for each unknown field that is dropped from the object, and for each duplicate field that is encountered. - Strict: This will fail the request with a BadRequest error if any unknown fields would be dropped from the object, or if any duplicate fields are present.',
);
const force = query(
  'force',
  'boolean',
  'Force is going to "force" Apply requests. It means user will re-acquire conflicting fields owned by other people. Force flag must be unset for non-apply patch requests.',
);
const lists = [
  query('allowWatchBookmarks', 'boolean', 'allowWatchBookmarks requests watch events with type "BOOKMARK".'),
  query('continue', 'string', 'The continue option should be set when retrieving more results from the server.'),
  query('fieldSelector', 'string', 'A selector to restrict the list of returned objects by their fields. Defaults to everything.'),
  query('labelSelector', 'string', 'A selector to restrict the list of returned objects by their labels. Defaults to everything.'),
  query('limit', 'integer', 'limit is a maximum number of responses to return for a list call.'),
  query('resourceVersion', 'string', 'resourceVersion sets a constraint on what resource versions a request may be served from.'),
  query('resourceVersionMatch', 'string', 'resourceVersionMatch determines how resourceVersion is applied to list calls.'),
  query('sendInitialEvents', 'boolean', '`sendInitialEvents=true` may be set together with `watch=true`.'),
  query('timeoutSeconds', 'integer', 'Timeout for the list/watch call.'),
  query('watch', 'boolean', 'Watch for changes to the described resources and return them as a stream of add, update, and remove notifications.'),
];
const deletes = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'The duration in seconds before the object should be deleted.'),
  query('propagationPolicy', 'string', "Whether and how garbage collection will be performed. Acceptable values are: 'Orphan', 'Background', 'Foreground'."),
];
const writes = [pretty, dryRun, fieldManager, fieldValidation];
const nameParameter = (kind: Kind): Parameter => ({ name: 'name', in: 'path', type: 'string', description: `name of the ${kind.kind}` });
const namespaceParameter: Parameter = {
  name: 'namespace',
  in: 'path',
  type: 'string',
  description: 'object name and auth scope, such as for teams and projects',
};

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

interface Scope {
  kind: Kind;
  tag: string;
  /** `CoreV1Namespaced`, for operation ids. */
  infix: string;
  collection: string;
  all: string | undefined;
  path: Parameter[];
}

function scopeOf(kind: Kind): Scope {
  const base = kind.group ? `/apis/${kind.apiVersion}` : `/api/${kind.version}`;
  const group = kind.group ? kind.group.replace(/\.k8s\.io$/, '') : 'core';
  const prefix = `${group.split('.').map(capital).join('')}${capital(kind.version)}`;
  return {
    kind,
    tag: `${group.replaceAll('.', '')}_${kind.version}`,
    infix: `${prefix}${kind.namespaced ? 'Namespaced' : ''}`,
    collection: kind.namespaced ? `${base}/namespaces/{namespace}/${kind.plural}` : `${base}/${kind.plural}`,
    all: kind.namespaced ? `${base}/${kind.plural}` : undefined,
    path: kind.namespaced ? [namespaceParameter] : [],
  };
}

interface Draft {
  verb: string;
  path: string;
  method: Operation['method'];
  name: string;
  description: string;
  action: string;
  parameters: readonly Parameter[];
  body?: Operation['body'];
  response: JsonObject;
  gvk?: JsonObject;
}

function operation(scope: Scope, draft: Draft): Operation {
  const { kind } = scope;
  return {
    path: draft.path,
    method: draft.method,
    id: `${draft.verb}${scope.infix}${draft.name}`,
    tag: scope.tag,
    description: draft.description,
    action: draft.action,
    gvk: draft.gvk ?? gvk(kind, kind.kind),
    parameters: [...draft.parameters],
    body: draft.body,
    response: draft.response,
    created: draft.method === 'post' || draft.method === 'put' || draft.method === 'patch',
    custom: kind.shape !== undefined,
  };
}

const body = (schema: JsonObject): Operation['body'] => ({ schema, patch: false, required: true });

/** All operations of a kind; its types are added to `definitions`. */
export function operationsOf(kind: Kind, definitions: Definitions, patchRef: JsonObject): Operation[] {
  const scope = scopeOf(kind);
  const self = definitions.kind(kind);
  const list = definitions.list(kind);
  const status = definitions.ref('V1Status');
  const deleteOptions: Operation['body'] = { schema: definitions.ref('V1DeleteOptions'), patch: false, required: false };
  const patch: Operation['body'] = { schema: patchRef, patch: true, required: true };
  const item = `${scope.collection}/{name}`;
  const itemPath = [nameParameter(kind), ...scope.path];
  const { kind: name } = kind;
  const drafts: { [verb: string]: Draft[] } = {
    list: [
      {
        verb: 'list',
        path: scope.collection,
        method: 'get',
        name,
        description: `list or watch objects of kind ${name}`,
        action: 'list',
        parameters: [...scope.path, pretty, ...lists],
        response: list,
      },
    ],
    create: [
      {
        verb: 'create',
        path: scope.collection,
        method: 'post',
        name,
        description: `create a ${name}`,
        action: 'post',
        parameters: [...scope.path, ...writes],
        body: body(self),
        response: self,
      },
    ],
    deletecollection: [
      {
        verb: 'delete',
        path: scope.collection,
        method: 'delete',
        name: `Collection${name}`,
        description: `delete collection of ${name}`,
        action: 'deletecollection',
        parameters: [...scope.path, pretty, ...lists, ...deletes],
        body: deleteOptions,
        response: status,
      },
    ],
    get: [
      {
        verb: 'read',
        path: item,
        method: 'get',
        name,
        description: `read the specified ${name}`,
        action: 'get',
        parameters: [...itemPath, pretty],
        response: self,
      },
    ],
    update: [
      {
        verb: 'replace',
        path: item,
        method: 'put',
        name,
        description: `replace the specified ${name}`,
        action: 'put',
        parameters: [...itemPath, ...writes],
        body: body(self),
        response: self,
      },
    ],
    patch: [
      {
        verb: 'patch',
        path: item,
        method: 'patch',
        name,
        description: `partially update the specified ${name}`,
        action: 'patch',
        parameters: [...itemPath, ...writes, force],
        body: patch,
        response: self,
      },
    ],
    delete: [
      {
        verb: 'delete',
        path: item,
        method: 'delete',
        name,
        description: `delete a ${name}`,
        action: 'delete',
        parameters: [...itemPath, pretty, ...deletes],
        body: deleteOptions,
        response: status,
      },
    ],
  };
  const chosen = kind.verbs.flatMap((verb) => drafts[verb] ?? []);
  if (scope.all !== undefined && kind.verbs.includes('list')) {
    chosen.push({
      verb: 'list',
      path: scope.all,
      method: 'get',
      name: `${name}ForAllNamespaces`,
      description: `list or watch objects of kind ${name}`,
      action: 'list',
      parameters: [pretty, ...lists],
      response: list,
    });
  }
  const main = chosen.map((draft) =>
    draft.path === scope.all ? { ...operation(scope, draft), id: `list${scope.infix.replace(/Namespaced$/, '')}${draft.name}` } : operation(scope, draft),
  );
  return [...main, ...subresourceOperations(scope, item, itemPath, definitions, patch)];
}

const methods: { readonly [verb: string]: { method: Operation['method']; id: string } } = {
  get: { method: 'get', id: 'read' },
  update: { method: 'put', id: 'replace' },
  patch: { method: 'patch', id: 'patch' },
  create: { method: 'post', id: 'create' },
};

function subresourceOperations(scope: Scope, item: string, itemPath: Parameter[], definitions: Definitions, patch: Operation['body']): Operation[] {
  const { kind } = scope;
  return subresourcesOf(kind).flatMap((sub) => {
    const isScale = sub.name === 'scale';
    // Types of other subresources are not part of the kind; their bodies and answers are plain objects here.
    const schema: JsonObject = isScale
      ? definitions.ref('V1Scale')
      : sub.kind === kind.kind && sub.name !== 'log'
        ? definitions.kind(kind)
        : { type: 'string' };
    const type = gvk({ group: sub.group ?? kind.group, version: sub.version ?? kind.version }, sub.kind);
    if (isScale) definitions.mark('V1Scale', type);
    const streaming = sub.name === 'log' || schema['type'] === 'string';
    return sub.verbs.flatMap((verb) => {
      const how = methods[verb];
      if (!how) return [];
      const writing = how.method !== 'get' && !streaming;
      return operation(scope, {
        verb: streaming && verb !== 'create' ? `connect${capital(how.method)}` : how.id,
        path: `${item}/${sub.name}`,
        method: how.method,
        name: `${kind.kind}${capital(sub.name)}`,
        description: `${how.id} ${sub.name} of the specified ${kind.kind}`,
        action: streaming ? 'connect' : how.method,
        parameters: [...itemPath, ...(writing ? writes : [pretty]), ...(how.method === 'patch' ? [force] : [])],
        body: writing ? (how.method === 'patch' ? patch : body(schema)) : undefined,
        response: schema,
        gvk: type,
      });
    });
  });
}

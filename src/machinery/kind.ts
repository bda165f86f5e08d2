import type { FieldError } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { Shape } from './shape.ts';

/** A column of a server-side Table (`kubectl get`). */
export interface Column<T> {
  name: string;
  type: 'string' | 'integer' | 'date' | 'boolean' | 'number';
  format?: string;
  description: string;
  /** 0 = always shown, 1 = only with -o wide. */
  priority?: number;
  /** The cell. `now` is in ms since the epoch, for ages. Undefined renders as empty; use '<none>' where kubectl does. */
  value(object: T, now: number): string | number | boolean | undefined;
}

export interface ScaleRules<T> {
  /** JSON path segments of the desired replica count, for example ['spec', 'replicas']. */
  specReplicas: readonly string[];
  statusReplicas: readonly string[];
  /** The selector in its string form, for Scale.status.selector. */
  selector(object: T): string;
}

/** A subresource through which one part of an object is written, as a door that lets nothing else through. */
export interface Aspect<T extends KubeObject> {
  /** The wanted object with all but that part as it was. `wanted` is private and defaulted, `old` is shared; metadata is seen to. */
  confine(wanted: T, old: T): T;
  /** All findings on what `confine` gave. */
  validate(object: T, old: T): FieldError[];
}

export interface CreateContext {
  /** ms since the epoch */
  now: number;
}

export interface KindOptions<T extends KubeObject> {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular?: string;
  /** Default: the kind with `List` behind it. */
  listKind?: string;
  shortNames?: readonly string[];
  categories?: readonly string[];
  namespaced: boolean;
  /** Name of the type in the generated schema set, for example `V1Pod`. */
  schema: string;
  /** For kinds whose fields are not in the generated schema set (custom resources): replaces decoding by `schema`. */
  shape?: Shape;
  /** Name of the type in OpenAPI, where descriptions of types do not say it. */
  openapiName?: string;
  /** A version on its way out: clients are warned with this text at every request. */
  deprecation?: string;
  /** Changes whenever `shape` does: part of the hashes of the OpenAPI documents. */
  revision?: string;
  /** Store prefix, with a trailing slash. The versions of one resource share it. Default: from group and plural. */
  prefix?: string;
  /** The apiVersion that is written to the store, when it is not this kind's own. */
  storageVersion?: string;
  /**
   * Objects of one version of the resource as another: between the stored ones and this kind's own, in both directions.
   * The given objects are shared. Needed by kinds that share a prefix. Throws or rejects with ApiError.
   */
  convert?(objects: readonly KubeObject[], toApiVersion: string): readonly KubeObject[] | Promise<readonly KubeObject[]>;
  /** An object that was stored under rules of before, as it reads now: the very same when they make no difference. It is shared. */
  restore?(object: KubeObject): KubeObject;
  /** Verbs; default: all of create delete deletecollection get list patch update watch. */
  verbs?: readonly string[];
  /** `status` subresource: writes to the main resource keep the old status and writes to status keep all else. */
  status?: boolean;
  scale?: ScaleRules<T>;
  /** Subresources that are parts of the object, by name; get, update and patch of the whole kind. */
  aspects?: { readonly [subresource: string]: Aspect<T> };
  /** Further subresources that discovery lists (log, exec, binding, token …); their behaviour is handled by the API server's table of subresources. */
  subresources?: readonly SubresourceInfo[];
  columns?: readonly Column<T>[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  selectableFields?: { readonly [field: string]: (object: T) => string };
  /** Whether spec changes raise metadata.generation. Default: true when `status` is set. */
  generation?: boolean;
  /** Fills defaults in place. Runs after decoding, on create, update and patch. Must be idempotent. */
  defaults?(object: T): void;
  /** Server-owned fields on create (clear status, set phase …), in place. */
  prepareCreate?(object: T, context: CreateContext): void;
  /** Server-owned fields on update, in place; `old` is shared, do not change it. */
  prepareUpdate?(object: T, old: T, context: CreateContext): void;
  /** All findings, not only the first. `old` is given on update. Metadata is checked by machinery. */
  validate?(object: T, old: T | undefined): FieldError[];
  /** Server-owned fields of a status write, in place in `object.status`; all else is shared. */
  prepareStatus?(object: T, old: T): void;
  /** Checks of a status write. */
  validateStatus?(object: T, old: T): FieldError[];
  /** Warnings for the client (Warning header). */
  warnings?(object: T, old: T | undefined): string[];
  /** A PUT to a name that is not there creates the object. Default: it is not found. */
  createOnUpdate?: boolean;
  /** False: an update has to name the resourceVersion that it is based on. Default: without one the last writer wins. */
  unconditionalUpdate?: boolean;
  /** Which rule metadata.name follows. Default: dns-subdomain. */
  nameRule?: 'dns-subdomain' | 'dns-label' | 'dns-label-1035' | 'path-segment';
  /** Graceful deletion: seconds between deletionTimestamp and removal, given what the client asked. 0 = at once. Undefined = the kind is not graceful. */
  gracePeriodSeconds?(object: T, requested: number | undefined): number;
  /** Deleting without propagationPolicy orphans or deletes dependents. Default 'background'. */
  defaultPropagation?: 'background' | 'foreground' | 'orphan';
  /** What a client is told that deletes without saying what is to become of the dependents. */
  defaultPropagationWarning?: string;
}

export interface SubresourceInfo {
  name: string;
  kind: string;
  group?: string;
  version?: string;
  verbs: readonly string[];
}

/** A kind of the API. Made by `defineKind`; everything the server knows of a kind is in here. */
export interface Kind<T extends KubeObject = KubeObject> extends KindOptions<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceInfo[];
  readonly columns: readonly Column<T>[];
  readonly selectableFields: { readonly [field: string]: (object: T) => string };
  readonly generation: boolean;
  readonly nameRule: NonNullable<KindOptions<T>['nameRule']>;
  readonly defaultPropagation: NonNullable<KindOptions<T>['defaultPropagation']>;
  /** `v1` or `apps/v1`. */
  readonly apiVersion: string;
  readonly listKind: string;
  /** Store prefix with a trailing slash, for example `/registry/apps/deployments/`. */
  readonly prefix: string;
  readonly storageVersion: string;
}

const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export function defineKind<T extends KubeObject>(options: KindOptions<T>): Kind<T> {
  const apiVersion = options.group ? `${options.group}/${options.version}` : options.version;
  return {
    shortNames: [],
    categories: [],
    verbs: allVerbs,
    subresources: [],
    columns: [],
    selectableFields: {},
    generation: options.status === true,
    nameRule: 'dns-subdomain',
    defaultPropagation: 'background',
    storageVersion: apiVersion,
    prefix: `/registry/${options.group || 'core'}/${options.plural}/`,
    ...options,
    singular: options.singular ?? options.kind.toLowerCase(),
    apiVersion,
    listKind: options.listKind ?? `${options.kind}List`,
  };
}

/** The store key of an object. Names never hold a slash, so keys of different objects never collide. */
export function keyOf(kind: Pick<Kind, 'prefix' | 'namespaced'>, namespace: string | undefined, name: string): string {
  return kind.namespaced ? `${kind.prefix}${namespace}/${name}` : kind.prefix + name;
}

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock, Logger, Random } from '#base';
import type { DeleteOptions, Json, Kind, KubeObject, NodeStreams, ObjectKey, PatchSchema, SchemaSet, UserInfo } from '#machinery';
import type { Exchange } from './http/types.ts';

/** Who asks, and how a write is to be made. One per request. */
export interface RequestContext {
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** Name of the field manager of a write. */
  readonly fieldManager: string;
  /** Whether managedFields are kept: always for HTTP clients, never for the system's own components. */
  readonly track: boolean;
  /** Warnings for the client, in order. */
  readonly warnings: string[];
  /** Adds an annotation to the audit event of the request, where there is one. */
  readonly annotate?: ((key: string, value: string) => void) | undefined;
}

/** Read access to what the cache holds now, by group and plural. Objects are shared: never change them. */
export interface ObjectReader {
  get(group: string, plural: string, namespace: string | undefined, name: string): KubeObject | undefined;
  list(group: string, plural: string, namespace?: string): readonly KubeObject[];
  /** How many there are; 0 when there is no such resource. */
  count?(group: string, plural: string): number;
  /** Calls for every object there is, then for every change: (new, old). Must be quick and must not throw. */
  observe(group: string, plural: string, handler: (object: KubeObject | undefined, old: KubeObject | undefined) => void): void;
}

/** What is known of the kinds themselves, for what works on objects of any kind. */
export interface KindReader extends ObjectReader {
  readonly kinds: readonly Kind[];
  /** Tells of every kind that is served, changed or withdrawn from now on. */
  onKinds(follower: (kind: Kind) => void): void;
  kindAt(group: string, version: string, plural: string): Kind | undefined;
  /** A typed object from JSON, pruned of unknown fields; takes `value` over and fills no defaults. Throws BadRequest. */
  decode(kind: Kind, value: Json): KubeObject;
  /** What merging and server-side apply know of a kind; its objects are of the type `kind.schema`. */
  patchSchema(kind: Kind): PatchSchema;
}

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionRequest {
  readonly operation: Operation;
  readonly kind: Kind;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  /** Empty when the server is yet to make one of generateName. */
  readonly name: string;
  /**
   * What is about to be written; `mutate` may change it in place. On DELETE what is stored (shared), on CONNECT the
   * options of the connection (PodExecOptions …), on a subresource with a body of its own (eviction, binding) that body.
   */
  readonly object: KubeObject;
  /** What is stored; shared. Undefined on create and connect. */
  readonly old: KubeObject | undefined;
  readonly context: RequestContext;
  /** The DeleteOptions of a deletion; other operations say what matters in `context`. */
  readonly options?: DeleteOptions;
}

export type Mutated = void | 'again';

/**
 * A step of admission. `mutate` runs before validation, `validate` after it; both may take their time. `settled`
 * tells a plugin that reserved something how the write ended, once for each attempt. Each may throw ApiError,
 * except `settled`.
 */
export interface AdmissionPlugin {
  readonly name: string;
  handles(kind: Kind): boolean;
  /** Which operations it is asked about. Default: CREATE and UPDATE. */
  readonly operations?: readonly Operation[];
  /** Whether it is asked about `status` and about subresources whose body is another object. Default: no. */
  readonly subresources?: boolean;
  /** Called once, when the cache is filled. */
  start?(reader: KindReader): void;
  /** Called once after `start`: for a plugin that writes on its own account. */
  startWriting?(writer: Writer): void;
  /** `again`: all steps are to see the object once more, as it is now. Heeded once. */
  mutate?(request: AdmissionRequest): Mutated | Promise<Mutated>;
  validate?(request: AdmissionRequest): void | Promise<void>;
  settled?(request: AdmissionRequest, committed: boolean): void;
}

/**
 * Something around requests between authentication and authorization (audit, fairness). `next` answers the request
 * and gives the code; it resolves when the answer is over, for watches and streams when they end. A filter that has
 * nothing to wait for passes on what `next` gave.
 */
export interface Filter {
  readonly name: string;
  start?(reader: ObjectReader): void;
  handle(exchange: Exchange, next: () => number | Promise<number>): number | Promise<number>;
  /** Told of a request that ends because nobody could be authenticated. */
  refused?(exchange: Exchange, error: unknown): void;
  /** Answers paths of its own, after authorization: the code, or undefined when the path is not its. */
  page?(exchange: Exchange): number | undefined;
}

/** How a kind dies, where grace and metadata.finalizers do not say it all. */
export interface DeletionRule {
  handles(kind: Kind): boolean;
  /** Refuses a deletion with ApiError. */
  check?(object: KubeObject): void;
  /** True while something in the object itself keeps it from being removed. */
  holds(object: KubeObject): boolean;
  /** Changes the (private) copy that gets its deletionTimestamp. */
  mark(object: KubeObject): void;
}

export interface UpdateHooks {
  /** Gives the wanted object from the present one, which is shared: copy it first. Runs again after a conflict. */
  (current: KubeObject): KubeObject;
}

/** What a subresource handler may do to objects. */
export interface Writer extends ObjectReader {
  /** The kind that serves a resource now; of several versions the stored one. */
  kindOf(group: string, plural: string): Kind | undefined;
  /** Read-modify-write of one object, through admission and validation; retried on conflict. */
  modify(
    kind: Kind,
    key: ObjectKey,
    context: RequestContext,
    subresource: string | undefined,
    change: UpdateHooks,
    /** The change brings its own managedFields (server-side apply). Default false. */
    managed?: boolean,
  ): Promise<KubeObject>;
  /** Read-modify-write that skips all checks: for writes a client could not make (binding, finalize). */
  modifyRaw(kind: Kind, key: ObjectKey, context: RequestContext, change: UpdateHooks): Promise<KubeObject>;
  /** Deletes without admission: what leads to it was admitted as itself. */
  remove(
    kind: Kind,
    key: ObjectKey,
    context: RequestContext,
    options: { gracePeriodSeconds?: number; preconditions?: { uid?: string; resourceVersion?: string } },
  ): Promise<void>;
  readonly clock: Clock;
  readonly schemas: SchemaSet;
}

export interface SubresourceRequest {
  readonly verb: 'create' | 'get' | 'update' | 'patch';
  readonly kind: Kind;
  readonly key: ObjectKey;
  /** The decoded body; undefined for get. */
  readonly body: KubeObject | undefined;
  readonly patch: { type: string; body: Json; force?: boolean | undefined } | undefined;
  readonly context: RequestContext;
  readonly writer: Writer;
}

/** A subresource with a body of its own. */
export interface SubresourceHandler {
  readonly name: string;
  readonly verbs: readonly SubresourceRequest['verb'][];
  handles(kind: Kind): boolean;
  handle(request: SubresourceRequest): Promise<KubeObject>;
}

export interface StreamRequest {
  readonly key: ObjectKey;
  readonly kind: Kind;
  readonly query: URLSearchParams;
  readonly reader: ObjectReader;
  readonly nodeStreams: (nodeName: string) => NodeStreams | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

export interface Address {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}
/** Who answers a proxied request: whoever listens at an address, or a node agent. */
export type Backend = { readonly address: Address } | { readonly node: NodeStreams };

/** A subresource that streams: an answer without end, or a connection that is handed over. */
export interface StreamHandler {
  readonly name: string;
  handles(kind: Kind): boolean;
  /** A plain GET whose body is a byte stream. */
  read?(request: StreamRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Takes the socket of an HTTP upgrade. Rejects only before anything was written. */
  upgrade?(request: StreamRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** Sends requests of every method and path on, upgrades too. Throws ApiError when there is nobody to ask. */
  locate?(request: StreamRequest): Backend;
}

/** An object that is only ever posted (reviews): answered, never stored. */
export interface VirtualResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  create(body: KubeObject, user: UserInfo, namespace: string | undefined): Promise<KubeObject> | KubeObject;
}

/** What an authenticator sees of a request. */
export interface Credentials {
  /** DER of the client's certificate; undefined when it sent none. */
  readonly certificate: Buffer | undefined;
  readonly authorization: string | undefined;
  readonly headers?: IncomingHttpHeaders;
  /** Names and values in turn, as they came: a header of several values is there several times. */
  readonly rawHeaders?: readonly string[];
}
/** Undefined = not my sort of credentials; false = mine, and bad; a user = accepted. */
export type Identification = UserInfo | false | undefined;
export interface Authenticator {
  readonly name: string;
  /** A promise only where something outside has to be asked. */
  authenticate(credentials: Credentials): Identification | Promise<Identification>;
  start?(reader: ObjectReader): void;
}

/** Whose token it is and for which of the audiences that were asked for; what is wrong with it; undefined = not of this sort. */
export type TokenVerdict = { readonly user: UserInfo; readonly audiences: readonly string[] } | { readonly error: string } | undefined;
/** One sort of bearer tokens. */
export interface TokenAuthenticator {
  readonly name: string;
  /** The holder counts only when `audiences` has one that the token is for. */
  review(token: string, audiences: readonly string[]): TokenVerdict | Promise<TokenVerdict>;
  start?(reader: ObjectReader): void;
}

export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly resource: boolean;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly path: string;
  /** What a list, watch or deletecollection is limited to. Absent when it is not; an unreadable selector limits nothing. */
  readonly selectors?: Selectors;
}
/** Selectors of a request, as far as an authorizer can use them: requirements that must all hold. */
export interface Selectors {
  readonly fields: readonly { readonly key: string; readonly operator: 'In' | 'NotIn'; readonly value: string }[];
  readonly labels: readonly { readonly key: string; readonly operator: string; readonly values: readonly string[] }[];
}
/** What somebody may do in a namespace, as rules of RBAC. */
export interface RuleSet {
  readonly rules: readonly {
    readonly verbs: readonly string[];
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly nonResourceURLs?: readonly string[];
  }[];
  /** Why there may be more than the rules say. */
  readonly incomplete?: string;
}
export interface Authorizer {
  authorize(attributes: Attributes): { allowed: boolean; reason?: string };
  /** Present where an authorizer can list what it allows. */
  rulesFor?(user: UserInfo, namespace: string): RuleSet;
  start?(reader: ObjectReader): void;
}

/** What an extension of the API works on: everything the server serves, and the means to serve more. */
export interface Host extends Environment {
  readonly writer: Writer;
  readonly schemas: SchemaSet;
  readonly kinds: readonly Kind[];
  kindOf(group: string, plural: string): Kind | undefined;
  serve(kind: Kind): void;
  withdraw(kind: Kind): void;
  onKinds(follower: (kind: Kind) => void): void;
  /** Deletes every object of a kind. */
  deleteAll(kind: Kind, context: RequestContext): Promise<void>;
}
/** Something that serves more of an API because of what is stored in it: custom resources, aggregated servers. */
export interface Extension {
  readonly name: string;
  /** Called once, when the cache is filled. */
  start(host: Host): void;
  stop?(): Promise<void> | void;
}

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

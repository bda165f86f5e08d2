import type { NamedPolicy } from '../iam/policy/evaluate.ts';
import type { Refusal } from '../protocol/findings.ts';
import type { CallRequest, CallResponse, Protocol } from '../protocol/types.ts';
import type { KindRef } from '../state/state.ts';
import type { Call } from './call.ts';

/** Condition keys of a request: names as the service authorization reference writes them; undefined = absent. */
export type Conditions = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One thing that a caller must be allowed. */
export interface Permission {
  /** `service:Action`. */
  readonly action: string;
  /** ARN or `*`. */
  readonly resource: string;
  readonly conditions?: Conditions;
  /** Account that the resource is of, where its ARN does not say it (S3). */
  readonly resourceAccount?: string | undefined;
  /** The policy attached to the resource. */
  readonly resourcePolicy?: NamedPolicy | undefined;
  /** The resource's policy must allow, whatever the identity's say (trust policies). */
  readonly resourcePolicyDecides?: boolean;
}

/**
 * An action of a service. Everything about permissions is decided before `handle` runs; what is not said falls back to
 * the action's own name on `*`.
 */
export interface Action<I = never, O = unknown> {
  /** ARNs that the caller needs the permission on; all of them. Default: `*`. */
  resources?(input: I, call: Call): readonly string[];
  /** Condition keys besides the global ones: request tags, resource tags, service keys. */
  conditions?(input: I, call: Call): Conditions;
  /** The policy of the resource, where it has one. */
  resourcePolicy?(input: I, call: Call): NamedPolicy | undefined;
  /** Name of the permission, where it is not `service:Action`. */
  readonly permission?: string;
  /** Replaces all of the above: several permissions, or `[]` for none. */
  permissions?(input: I, call: Call): readonly Permission[];
  /** `none`: signed or not, everybody may call it. Default `signed`. */
  readonly authentication?: 'signed' | 'optional';
  handle(input: I, call: Call): O | Promise<O>;
}

/** The table of a service holds actions of every input. */
export type AnyAction = Action<never, unknown>;

/** How requests are recognized as a service's before anything of it is loaded. */
export interface ServiceRoute {
  /** Name of the folder and of the contract: `ecr`. */
  readonly name: string;
  /** Names in credential scopes. Default: the name. */
  readonly signing?: readonly string[];
  /** What stands before the dot in X-Amz-Target. */
  readonly targets?: readonly string[];
  /** `Version` of query protocols, for unsigned requests. */
  readonly versions?: readonly string[];
  /** First label of the Host that it answers to. Default: the name. */
  readonly hosts?: readonly string[];
  /** Sees its own requests among those of another service that is signed alike: asked first, and needed then. */
  recognizes?(request: CallRequest): boolean;
  /** Takes what no other service claims: S3's buckets are paths and hosts. */
  readonly fallback?: true;
  /** Deletes what the service keeps outside of the store, before its objects go. */
  reset?(): Promise<void>;
  load(): Promise<Service>;
}

export interface ServiceOptions {
  /** Name of the contract in src/aws/generated. */
  readonly contract: string;
  /** The prefix of IAM actions. Default: the contract's name. */
  readonly prefix?: string;
  /** Protocols that it answers in, the usual one first. Default: what the contract says. */
  readonly protocols?: readonly Protocol[];
  /** How it tells of inputs that its model does not allow. Default: in the words of its protocol. */
  readonly refuse?: Refusal;
  /** Kinds whose objects handlers read: they are in memory before the first handler runs. */
  readonly kinds: readonly KindRef[];
  /** It tells why a call was refused only sealed, for sts:DecodeAuthorizationMessage: EC2 does. */
  readonly encodedRefusals?: true;
  /** A global service has no region in its ARNs and state. */
  readonly global?: boolean;
  readonly actions: { readonly [name: string]: AnyAction };
  /** Answers requests that are no calls, before anybody proves who he is: preflights of browsers, pages. Undefined: it is a call. */
  aside?(request: CallRequest, callAs: (action: string) => Call): CallResponse | undefined | Promise<CallResponse | undefined>;
  /** Headers that go with an answer, an error's too. */
  answerHeaders?(request: CallRequest): Readonly<Record<string, string>> | undefined;
}
export interface Service extends ServiceOptions {
  readonly prefix: string;
}

/** A service: a contract and what is implemented of it. */
export function defineService(options: ServiceOptions): Service {
  return { prefix: options.contract, ...options };
}
/** Types an action by its input and output. */
export const defineAction = <I, O>(action: Action<I, O>): AnyAction => action as unknown as AnyAction;

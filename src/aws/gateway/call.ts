import type { Clock, Logger, Random } from '#base';
import type { Principal } from '../iam/policy/evaluate.ts';
import type { JsonWebKey } from 'node:crypto';
import type { IamUseSpec } from '#kinds';
import type { Identities } from '../iam/identities.ts';
import type { Sealer } from '../iam/keys.ts';
import type { State } from '../state/state.ts';

/** Who calls, once the signature holds. */
export interface Caller extends Principal {
  /** Unique id: of a user AIDA…, of a session AROA…:NAME, of a root user the account. */
  readonly userId: string;
  readonly accessKeyId: string;
  /** Set for credentials of STS. */
  readonly session?: SessionFacts | undefined;
}
/** What credentials of STS carry with them. */
export interface SessionFacts {
  /** When they were made and when they end, ms since the epoch. */
  readonly issued: number;
  readonly expires: number;
  readonly name?: string | undefined;
  /** JSON documents; undefined: the session has all that its principal has. */
  readonly policies?: readonly string[] | undefined;
  /** JSON documents that narrow it further: each of them must allow. */
  readonly scopes?: readonly string[] | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly transitiveTags?: readonly string[] | undefined;
  /** Further condition keys, such as those of the identity provider. */
  readonly keys?: Readonly<Record<string, string>> | undefined;
  /** When the caller proved a device of his, ms since the epoch. */
  readonly mfaAt?: number | undefined;
  /** Of a federated user: the user whose policies it has. */
  readonly userArn?: string | undefined;
}

/** Where the request came from and how. */
export interface Source {
  readonly ip: string;
  readonly secure: boolean;
  readonly host: string;
  readonly userAgent: string;
}

/** What the gateway knows of keys and roles: STS and IAM work with it. */
export interface IdentityFacts {
  readonly identities: Identities;
  /** Seals what only this instance may read: secrets at rest, authorization messages. */
  readonly secrets: Sealer;
  readonly tokens: Sealer;
  /** What a user or a role (by its unique id) or a key was used for; undefined when for nothing. */
  useOf(account: string, id: string): IamUseSpec | undefined;
  roleUsed(arn: string): void;
  /** Public keys of an issuer of tokens. Rejects when they cannot be had. */
  issuerKeys(issuer: string): Promise<readonly (JsonWebKey & { readonly kid?: string })[]>;
}

/** A call that was read, proved and allowed: what a handler has besides its input. */
export interface Call extends IdentityFacts, BareCall {}

/** A call as policies see it. */
export interface BareCall {
  readonly service: string;
  readonly action: string;
  /** Account that the caller belongs to; calls act on it unless they name another. */
  readonly account: string;
  readonly region: string;
  readonly partition: string;
  readonly caller: Caller;
  readonly requestId: string;
  readonly source: Source;
  readonly state: State;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The HTTP request, for the few that need more than their input. */
  readonly request: { readonly method: string; readonly path: string; readonly query: string; header(name: string): string | undefined };
  /** URL of the gateway as this client reaches it. */
  readonly endpoint: string;
}

/** An ARN in the partition, region and account of a call. `region: ''` for global services. */
export function arnOf(
  call: Pick<Call, 'partition' | 'region' | 'account'>,
  service: string,
  resource: string,
  at: { region?: string; account?: string } = {},
): string {
  return `arn:${call.partition}:${service}:${at.region ?? call.region}:${at.account ?? call.account}:${resource}`;
}

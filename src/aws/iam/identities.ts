import { IAMAccessKey, IAMGroup, IAMPolicy, IAMRole, IAMUser, type IamPrincipal, type IamRoleSpec, type IamUserSpec } from '#kinds';
import type { Caller, Source } from '../gateway/call.ts';
import { globalRegion, type Place } from '../state/table.ts';
import type { State } from '../state/state.ts';
import { accountOfKey, type Sealer } from './keys.ts';
import { managedDocument } from './managed/index.ts';
import { parsePolicy, PolicyError, type Policy, type PolicyUse } from './policy/document.ts';
import type { NamedPolicy } from './policy/evaluate.ts';
import { openSession } from './sessions.ts';

/** The secret of a key and whose it is. */
export interface Credentials {
  readonly secret: string;
  readonly caller: Caller;
  /** Of a session whose time is over. */
  readonly expired?: boolean;
}
/** The policies that allow and limit a caller. */
export interface CallerPolicies {
  readonly identityPolicies: readonly NamedPolicy[];
  readonly boundary?: NamedPolicy | undefined;
  readonly sessionPolicies?: readonly NamedPolicy[] | undefined;
  readonly scopes?: readonly NamedPolicy[] | undefined;
}

/** What the gateway asks of those who know the callers. */
export interface Identities {
  ready(): Promise<void>;
  /** Undefined: there is no such key, it was switched off, or the token is not its own. */
  credentials(accessKeyId: string, sessionToken: string | undefined, source: Source, now: number): Credentials | undefined;
  policies(caller: Caller): CallerPolicies;
  /** Tags of the user or role, with those of the session. */
  tags(caller: Caller): Readonly<Record<string, string>>;
}

export interface IdentityOptions {
  readonly state: State;
  /** The instance's own account. */
  readonly account: string;
  readonly partition: string;
  readonly secrets: Sealer;
  readonly tokens: Sealer;
}

const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.');
const placeOf = (account: string): Place => ({ account, region: globalRegion });
/** Names of IAM differ in more than their case. */
export const iamId = (name: string): string => name.toLowerCase();

/** Documents were checked when they came in; one that reads as nonsense now allows nothing and denies everything. */
const nothing: Policy = {
  version: '2012-10-17',
  id: undefined,
  statements: [
    {
      sid: 'Unreadable',
      effect: 'Deny',
      principal: undefined,
      notPrincipal: undefined,
      actions: ['*'],
      notActions: undefined,
      resources: ['*'],
      notResources: undefined,
      conditions: [],
    },
  ],
};
const parsed = new Map<string, Policy>();
const mostParsed = 5000;
/** A stored document, read once. */
export function readPolicy(document: string, use: PolicyUse): Policy {
  const key = `${use}:${document}`;
  const known = parsed.get(key);
  if (known) return known;
  let policy = nothing;
  try {
    policy = parsePolicy(document, use);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
  }
  if (parsed.size >= mostParsed) parsed.delete(parsed.keys().next().value as string);
  parsed.set(key, policy);
  return policy;
}

/** Who is who by what IAM keeps. The root user of the instance's account has the key `test`, on loopback only. */
export class StoredIdentities implements Identities {
  readonly #options: IdentityOptions;
  readonly #root: Caller;
  readonly #unsealed = new Map<string, string>();

  constructor(options: IdentityOptions) {
    this.#options = options;
    const { account, partition } = options;
    this.#root = { type: 'root', arn: `arn:${partition}:iam::${account}:root`, account, userId: account, accessKeyId: 'test' };
  }

  ready(): Promise<void> {
    return this.#options.state.ready([IAMUser, IAMGroup, IAMRole, IAMPolicy, IAMAccessKey]);
  }

  credentials(accessKeyId: string, token: string | undefined, source: Source, now: number): Credentials | undefined {
    if (accessKeyId === 'test') return token === undefined && isLoopback(source.ip) ? { secret: 'test', caller: this.#root } : undefined;
    if (token !== undefined) return this.#session(accessKeyId, token, now);
    const account = accountOfKey(accessKeyId);
    const key = account === undefined ? undefined : this.#options.state.table(IAMAccessKey).get(placeOf(account), accessKeyId);
    if (!key || account === undefined || key.status !== 'Active') return undefined;
    const user = this.#user(account, key.userName);
    const secret = this.#secret(key.sealedSecret);
    if (!user || secret === undefined) return undefined;
    return { secret, caller: { type: 'user', arn: user.arn, account, userId: user.userId, accessKeyId } };
  }

  #session(accessKeyId: string, token: string, now: number): Credentials | undefined {
    const found = openSession(this.#options.tokens, accessKeyId, token);
    if (!found || !this.#lives(found.caller)) return undefined;
    return { ...found, expired: (found.caller.session?.expires ?? 0) <= now };
  }
  /** Whether the user or role of a session is still the one that it was made for. */
  #lives(caller: Caller): boolean {
    if (caller.type === 'role') return this.#role(caller)?.roleId === caller.userId.split(':')[0];
    if (caller.type === 'user') return this.#user(caller.account, nameOf(caller.arn))?.userId === caller.userId;
    return true;
  }
  #secret(sealed: string): string | undefined {
    const known = this.#unsealed.get(sealed);
    if (known !== undefined) return known;
    const secret = this.#options.secrets.open(sealed);
    if (this.#unsealed.size >= mostParsed) this.#unsealed.clear();
    if (secret !== undefined) this.#unsealed.set(sealed, secret);
    return secret;
  }

  policies(caller: Caller): CallerPolicies {
    const named = (documents: readonly string[] | undefined, what: string): NamedPolicy[] | undefined =>
      documents?.map((document, i) => ({ name: `${what} ${i + 1}`, policy: readPolicy(document, 'identity') }));
    const limits = { sessionPolicies: named(caller.session?.policies, 'session policy'), scopes: named(caller.session?.scopes, 'scope-down policy') };
    const holder = this.#holder(caller);
    if (!holder) return { identityPolicies: [], ...limits };
    const groups =
      'groups' in holder ? holder.groups.flatMap((name) => this.#options.state.table(IAMGroup).get(placeOf(caller.account), iamId(name)) ?? []) : [];
    const boundary = holder.boundary === undefined ? undefined : this.#managed(caller.account, holder.boundary);
    return { identityPolicies: [holder, ...groups].flatMap((one) => this.#policiesOf(caller.account, one)), boundary, ...limits };
  }
  #policiesOf(account: string, holder: IamPrincipal): NamedPolicy[] {
    const inline = Object.entries(holder.inline).map(([name, document]) => ({ name, policy: readPolicy(document, 'identity') }));
    return [...inline, ...holder.attached.map((arn) => this.#managed(account, arn))];
  }
  /** A policy that is gone allows nothing. */
  #managed(account: string, arn: string): NamedPolicy {
    const document = managedPolicyDocument(this.#options.state, account, arn);
    return { name: arn, policy: document === undefined ? { ...nothing, statements: [] } : readPolicy(document, 'identity') };
  }

  tags(caller: Caller): Readonly<Record<string, string>> {
    const own = Object.fromEntries((this.#holder(caller)?.tags ?? []).map(({ key, value }) => [key, value]));
    return caller.session?.tags ? { ...own, ...caller.session.tags } : own;
  }

  #holder(caller: Caller): IamUserSpec | IamRoleSpec | undefined {
    if (caller.type === 'user') return this.#user(caller.account, nameOf(caller.arn));
    if (caller.type === 'role') return this.#role(caller);
    // A federated user has what the user has who made its credentials.
    return caller.session?.userArn === undefined ? undefined : this.#user(caller.account, nameOf(caller.session.userArn));
  }
  #user(account: string, name: string): IamUserSpec | undefined {
    return this.#options.state.table(IAMUser).get(placeOf(account), iamId(name));
  }
  #role({ account, roleArn = '' }: Caller): IamRoleSpec | undefined {
    return this.#options.state.table(IAMRole).get(placeOf(account), iamId(nameOf(roleArn)));
  }
}
const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf('/') + 1);

/** The document that holds of a managed policy, AWS's or the account's own. */
export function managedPolicyDocument(state: State, account: string, arn: string): string | undefined {
  const aws = managedDocument(arn);
  if (aws !== undefined) return aws;
  const policy = state.table(IAMPolicy).get(placeOf(account), iamId(nameOf(arn)));
  return policy?.arn === arn ? policy.versions.find(({ id }) => id === policy.defaultVersionId)?.document : undefined;
}

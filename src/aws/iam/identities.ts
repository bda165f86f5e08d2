import type { Caller, Source } from '../gateway/call.ts';
import type { NamedPolicy } from './policy/evaluate.ts';

/** The secret of a key and whose it is. */
export interface Credentials {
  readonly secret: string;
  readonly caller: Caller;
  /** Of a session whose time is over. */
  readonly expired?: boolean;
}
/** The policies that limit and allow a caller. */
export interface CallerPolicies {
  readonly identityPolicies: readonly NamedPolicy[];
  readonly boundary?: NamedPolicy | undefined;
  readonly sessionPolicies?: readonly NamedPolicy[] | undefined;
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

const isLoopback = (ip: string): boolean => ip === '::1' || ip.startsWith('127.');
const none: CallerPolicies = { identityPolicies: [] };

/** The root user of the instance's account, whose key `test` is good on loopback only. */
export function rootOnly(account: string, partition: string): Identities {
  const caller: Caller = { type: 'root', arn: `arn:${partition}:iam::${account}:root`, account, userId: account, accessKeyId: 'test' };
  return {
    ready: async () => {},
    credentials: (id, token, source) => (id === 'test' && token === undefined && isLoopback(source.ip) ? { secret: 'test', caller } : undefined),
    policies: () => none,
    tags: () => ({}),
  };
}

import type { Clock } from '#base';
import { subjectOf } from '../pki/x509.ts';
import type { Authenticator } from '../types.ts';
import { certificateCheck } from './certificates.ts';
import { withAuthenticated } from './tokens/bearer.ts';

export interface RequestHeaderOptions {
  /** PEM of the CA that proxies' certificates come from. */
  readonly ca: string;
  /** Common names of the proxies; none = any certificate of the CA. */
  readonly allowedNames: readonly string[];
  readonly clock: Clock;
}
/** The headers of --requestheader-*-headers as every cluster has them; the proxy sends them in our name too. */
export const proxyHeaders = { username: 'X-Remote-User', uid: 'X-Remote-Uid', group: 'X-Remote-Group', extraPrefix: 'X-Remote-Extra-' } as const;
const names = { username: 'x-remote-user', uid: 'x-remote-uid', group: 'x-remote-group', extraPrefix: 'x-remote-extra-' };

/** Users whom a proxy with a certificate of its own CA vouches for ("Authenticating Proxy"). */
export function requestHeaderAuthenticator({ ca, allowedNames, clock }: RequestHeaderOptions): Authenticator {
  const isProxy = certificateCheck(ca, clock, (certificate) => {
    return allowedNames.length === 0 || allowedNames.includes(subjectOf(certificate).commonName) ? true : undefined;
  });
  return {
    name: 'request-header',
    authenticate({ certificate, headers, rawHeaders = [] }) {
      if (!certificate || headers?.[names.username] === undefined) return undefined;
      const claimed = collect(rawHeaders);
      if (claimed.username === '' || !isProxy(certificate)) return undefined;
      return { ...claimed, groups: withAuthenticated(claimed.groups) };
    },
  };
}

function collect(raw: readonly string[]): { username: string; uid?: string; groups: string[]; extra?: Record<string, string[]> } {
  const groups: string[] = [];
  const extra: Record<string, string[]> = {};
  let username = '';
  let uid = '';
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    const value = raw[i + 1] ?? '';
    if (name === names.username) username ||= value;
    else if (name === names.uid) uid ||= value;
    else if (name === names.group) groups.push(value);
    else if (name.startsWith(names.extraPrefix)) (extra[unescapeKey(name.slice(names.extraPrefix.length))] ??= []).push(value);
  }
  return { username, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}
/** Keys of extras travel percent-encoded, for header names allow little. */
export function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

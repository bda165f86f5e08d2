import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '#base';
import type { KubeObject } from '#machinery';
import type { ObjectReader, TokenAuthenticator } from '../../types.ts';
import { forServer, withAuthenticated } from './bearer.ts';

interface Secret extends KubeObject {
  type?: string;
  data?: { [key: string]: string };
}
const format = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const groupFormat = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const refused = { error: 'invalid bearer token' };

/** Tokens by which machines join: Secrets bootstrap-token-ID of kube-system ("Authenticating with Bootstrap Tokens"). */
export function bootstrapTokens(own: readonly string[], clock: Clock): TokenAuthenticator {
  let reader: ObjectReader | undefined;
  return {
    name: 'bootstrap',
    start: (given) => void (reader = given),
    review(token, audiences) {
      const [, id, secret] = format.exec(token) ?? [];
      if (id === undefined || secret === undefined || !reader) return undefined;
      const found: Secret | undefined = reader.get('', 'secrets', 'kube-system', `bootstrap-token-${id}`);
      if (!found || found.metadata?.deletionTimestamp || found.type !== 'bootstrap.kubernetes.io/token') return refused;
      const field = (name: string): string => Buffer.from(found.data?.[name] ?? '', 'base64').toString();
      if (!equal(field('token-secret'), secret) || field('token-id') !== id) return refused;
      if (isExpired(field('expiration'), clock.now()) || field('usage-bootstrap-authentication') !== 'true') return refused;
      const groups = field('auth-extra-groups')
        .split(',')
        .filter((group) => group !== '');
      if (!groups.every((group) => groupFormat.test(group))) return refused;
      return forServer({ username: `system:bootstrap:${id}`, groups: withAuthenticated(['system:bootstrappers', ...groups.toSorted()]) }, audiences, own);
    },
  };
}

function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
/** RFC 3339; none never expires, an unreadable one has. */
function isExpired(expiration: string, now: number): boolean {
  if (expiration === '') return false;
  const at = Date.parse(expiration);
  return Number.isNaN(at) || at <= now;
}

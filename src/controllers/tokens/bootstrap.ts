import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ConfigMap, Secret, type V1Secret } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, splitKey, type Controller } from '../controller.ts';

const tokenType = 'bootstrap.kubernetes.io/token';
const signaturePrefix = 'jws-kubeconfig-';
const isToken = (secret: V1Secret): boolean => secret.type === tokenType && secret.metadata?.namespace === 'kube-system';
const field = (secret: V1Secret, name: string): string => Buffer.from(secret.data?.[name] ?? '', 'base64').toString();
/** When the token ends, ms since the epoch; undefined = never. What cannot be read is over. */
function expiry(secret: V1Secret): number | undefined {
  const text = field(secret, 'expiration');
  return text === '' ? undefined : Date.parse(text) || 0;
}

/** Deletes bootstrap tokens whose time is over. Keys are Secrets. */
export const bootstrapTokenCleanerController: Controller = {
  name: 'token-cleaner',
  setup(context) {
    const secrets = context.watch(Secret, (secret) => (secret && isToken(secret) ? [keyFor(secret)] : []));

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const secret = secrets.get(namespace, name);
      const end = secret && isToken(secret) ? expiry(secret) : undefined;
      if (!secret || end === undefined) return;
      const left = end - context.clock.now();
      if (left > 0) return left;
      const { uid } = secret.metadata ?? {};
      try {
        await context.api.delete(Secret, { namespace, name }, uid ? { preconditions: { uid } } : {});
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    };
  },
};

/**
 * Signs the kubeconfig that a new node is given (ConfigMap kube-public/cluster-info) with every bootstrap
 * token that is meant for it, so that who knows a token can trust what he reads before he trusts the server.
 */
export const bootstrapSignerController: Controller = {
  name: 'bootstrap-signer',
  setup(context) {
    const info = { namespace: 'kube-public', name: 'cluster-info' };
    const infoKey = `${info.namespace}/${info.name}`;
    const maps = context.watch(ConfigMap, (map, old) => (keyFor((map ?? old) as object) === infoKey ? [infoKey] : []));
    const secrets = context.watch(Secret, (secret, old) => ([secret, old].some((s) => s && isToken(s)) ? [infoKey] : []));
    secrets.addIndex('bootstrapToken', (secret) => (isToken(secret) ? ['yes'] : []));

    return async () => {
      const map = maps.get(info.namespace, info.name);
      const content = map?.data?.['kubeconfig'];
      if (!map || content === undefined) return;
      const now = context.clock.now();
      const tokens = secrets.byIndex('bootstrapToken', 'yes').filter((secret) => field(secret, 'usage-bootstrap-signing') === 'true');
      const valid = tokens.filter((secret) => (expiry(secret) ?? Infinity) > now);
      const data = Object.fromEntries(Object.entries(map.data ?? {}).filter(([name]) => !name.startsWith(signaturePrefix)));
      for (const secret of valid) data[signaturePrefix + field(secret, 'token-id')] = sign(content, field(secret, 'token-id'), field(secret, 'token-secret'));
      if (!isDeepStrictEqual(data, map.data)) await context.api.update(ConfigMap, { ...map, data });
      const ends = valid.map(expiry).filter((end) => end !== undefined);
      return ends.length > 0 ? Math.min(...ends) - now : undefined;
    };
  },
};

const base64url = (text: string): string => Buffer.from(text).toString('base64url');
/** A JWS without its content: the reader has it already. */
function sign(content: string, id: string, secret: string): string {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret)
    .update(`${header}.${base64url(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

import { Secret, ServiceAccount, type V1Secret, type V1ServiceAccount } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, splitKey, type Controller } from './controller.ts';

const tokenType = 'kubernetes.io/service-account-token';
const nameKey = 'kubernetes.io/service-account.name';
const uidKey = 'kubernetes.io/service-account.uid';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const accountOf = ({ metadata }: V1Secret): string => `${metadata?.namespace ?? ''}/${metadata?.annotations?.[nameKey] ?? ''}`;

/** Fills Secrets of type kubernetes.io/service-account-token, and removes those whose account is gone. Keys are Secrets. */
export const serviceAccountTokenController: Controller = {
  name: 'serviceaccount-token',
  component: 'tokens-controller',
  setup(context) {
    const { signLegacyToken, rootCa = '' } = context.options;
    const accounts = context.informer(ServiceAccount);
    const secrets = context.watch(Secret, (secret) => (secret?.type === tokenType ? [keyFor(secret)] : []));
    secrets.addIndex('account', (secret) => (secret.type === tokenType ? [accountOf(secret)] : []));
    context.watch(ServiceAccount, (account, old) => secrets.byIndex('account', keyFor((account ?? old) as V1ServiceAccount)).map(keyFor));

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const secret = secrets.get(namespace, name);
      if (!signLegacyToken || secret?.type !== tokenType || secret.metadata?.deletionTimestamp) return;
      const account = await find(namespace, secret.metadata?.annotations?.[nameKey] ?? '');
      const uid = account?.metadata?.uid ?? '';
      const claimed = secret.metadata?.annotations?.[uidKey];
      if (!account || (claimed && claimed !== uid)) return remove(secret);
      const filled = fill(secret, uid, () =>
        signLegacyToken({ namespace: namespace ?? '', secret: name, serviceaccount: { name: account.metadata?.name ?? '', uid } }),
      );
      if (filled) await context.api.update(Secret, filled);
    };
    /** A missing account costs the Secret its life: the cache alone does not decide that. */
    async function find(namespace: string | undefined, name: string): Promise<V1ServiceAccount | undefined> {
      const cached = accounts.get(namespace, name);
      if (cached) return cached;
      try {
        return await context.api.get(ServiceAccount, { namespace, name });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
        return undefined;
      }
    }
    async function remove({ metadata }: V1Secret): Promise<void> {
      try {
        const { namespace, name = '', uid, resourceVersion } = metadata ?? {};
        await context.api.delete(Secret, { namespace, name }, { preconditions: { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) } });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
    function fill(secret: V1Secret, uid: string, sign: () => string): V1Secret | undefined {
      const { metadata = {}, data = {} } = secret;
      const wanted = {
        'ca.crt': base64(rootCa),
        namespace: base64(metadata.namespace ?? ''),
        token: data['token'] || base64(sign()),
      };
      const same = Object.entries(wanted).every(([field, value]) => data[field] === value);
      if (same && metadata.annotations?.[uidKey] === uid) return undefined;
      return { ...secret, metadata: { ...metadata, annotations: { ...metadata.annotations, [uidKey]: uid } }, data: { ...data, ...wanted } };
    }
  },
};

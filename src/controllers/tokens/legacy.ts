import { formatTime } from '#base';
import { Pod, Secret, ServiceAccount, type V1Pod, type V1Secret } from '#kinds';
import { isApiError } from '#machinery';
import { keyFor, splitKey, type Controller } from '../controller.ts';

const tokenType = 'kubernetes.io/service-account-token';
const nameAnnotation = 'kubernetes.io/service-account.name';
const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
const invalidLabel = 'kubernetes.io/legacy-token-invalid-since';
const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

/**
 * Puts away tokens that old clusters made for every ServiceAccount and that nobody used for a year: first
 * they are marked invalid, and after another year deleted. Tokens that a user asked for are left alone. (KEP-2799.)
 */
export const legacyTokenCleanerController: Controller = {
  name: 'legacy-service-account-token-cleaner',
  setup(context) {
    const accounts = context.informer(ServiceAccount);
    const pods = context.informer(Pod);
    pods.addIndex('mountedSecrets', (pod) => mounted(pod));
    const secrets = context.watch(Secret, (secret) => (secret?.type === tokenType ? [keyFor(secret)] : []));

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const secret = secrets.get(namespace, name);
      if (secret?.type !== tokenType || !isAutomatic(secret) || pods.byIndex('mountedSecrets', key).length > 0) return;
      const unused = context.clock.now() - lastSeen(secret);
      if (unused <= yearMs) return Math.max(dayMs, yearMs - unused);
      const since = secret.metadata?.labels?.[invalidLabel];
      if (since === undefined) return mark(secret);
      const invalid = context.clock.now() - Date.parse(since);
      if (invalid <= yearMs) return Math.max(dayMs, yearMs - invalid);
      return remove(secret);
    };

    /** Whether the account lists it: those that users make are not listed. */
    function isAutomatic({ metadata }: V1Secret): boolean {
      const account = accounts.get(metadata?.namespace, metadata?.annotations?.[nameAnnotation] ?? '');
      return account?.secrets?.some((ref) => ref.name === metadata?.name) === true;
    }
    async function mark(secret: V1Secret): Promise<number> {
      const today = formatTime(context.clock.now()).slice(0, 10);
      await context.api.update(Secret, { ...secret, metadata: { ...secret.metadata, labels: { ...secret.metadata?.labels, [invalidLabel]: today } } });
      return yearMs;
    }
    async function remove({ metadata }: V1Secret): Promise<void> {
      const { namespace, name = '', uid = '', resourceVersion = '' } = metadata ?? {};
      try {
        await context.api.delete(Secret, { namespace, name }, { preconditions: { uid, resourceVersion } });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
  },
};

const lastSeen = ({ metadata }: V1Secret): number => Date.parse(metadata?.labels?.[lastUsedLabel] ?? metadata?.creationTimestamp ?? '') || 0;
const mounted = ({ metadata, spec }: V1Pod): string[] =>
  (spec?.volumes ?? []).flatMap((volume) => (volume.secret?.secretName ? [`${metadata?.namespace ?? ''}/${volume.secret.secretName}`] : []));

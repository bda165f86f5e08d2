import { ServiceAccount, type V1Pod, type V1ServiceAccountTokenProjection } from '#kinds';
import type { KubeObject } from '#machinery';
import { mainContainers, nameOf, namespaceOf, uidOf } from '../pod.ts';
import { configMapFiles } from './config-map.ts';
import { downwardFiles } from './downward-api.ts';
import { VolumeError, type Payload, type VolumeContext, type VolumePlugin } from './plugin.ts';
import { secretFiles } from './secret.ts';

interface Token {
  token: string;
  expiresAt: number;
  /** When a new one is fetched: after 80 % of the life, a day at most. */
  refreshAt: number;
}
interface TokenRequest extends KubeObject {
  spec: { audiences: string[]; expirationSeconds: number; boundObjectRef: { apiVersion: string; kind: string; name: string; uid: string } };
  status?: { token: string; expirationTimestamp: string };
}

/** Several sources in one directory. Tokens are kept until they are due and live no longer than the plugin. */
export function createProjected(): VolumePlugin & { forget(podUid: string): void } {
  const tokens = new Map<string, Token>();
  return {
    source: 'projected',
    directory: 'kubernetes.io~projected',
    writable: false,
    ownership: true,
    references(volume) {
      return (volume.projected?.sources ?? []).flatMap((s) => (s.configMap ? [`ConfigMap/${s.configMap.name}`] : s.secret ? [`Secret/${s.secret.name}`] : []));
    },
    async payload(context) {
      const files: Payload = new Map();
      let refreshAt = Infinity;
      const mode = context.volume.projected?.defaultMode ?? 0o644;
      for (const source of context.volume.projected?.sources ?? []) {
        if (source.configMap) merge(files, await configMapFiles(context, source.configMap, mode));
        else if (source.secret) merge(files, await secretFiles(context, source.secret, mode));
        else if (source.downwardAPI) merge(files, downwardFiles(context, source.downwardAPI.items ?? [], mode));
        else if (source.serviceAccountToken) {
          const token = await tokenFor(context, source.serviceAccountToken, tokens);
          refreshAt = Math.min(refreshAt, token.refreshAt);
          files.set(source.serviceAccountToken.path, { data: Buffer.from(token.token), ...tokenOwner(context.pod, mode) });
        } else
          throw new VolumeError(
            `projected source ${Object.keys(source).join(', ') || '(empty)'} is not supported on this node; supported are configMap, secret, downwardAPI, serviceAccountToken`,
          );
      }
      return { files, ...(refreshAt === Infinity ? {} : { refreshAt }) };
    },
    forget(podUid) {
      for (const key of tokens.keys()) if (key.startsWith(`${podUid}/`)) tokens.delete(key);
    },
  };
}
function merge(files: Payload, more: Payload): void {
  for (const [path, file] of more) files.set(path, file);
}
/** A token is readable by the one user of all containers alone; by everyone in the pod where they differ (KEP-2451). */
function tokenOwner(pod: V1Pod, mode: number): { mode: number; uid?: number } {
  const users = new Set(mainContainers(pod).map((c) => c.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser));
  const [only] = users;
  if (users.size === 1 && only !== undefined) return { mode: 0o600, uid: only };
  return { mode: pod.spec?.securityContext?.fsGroup === undefined ? mode : 0o600 };
}

async function tokenFor(context: VolumeContext, projection: V1ServiceAccountTokenProjection, tokens: Map<string, Token>): Promise<Token> {
  const { pod } = context;
  const account = pod.spec?.serviceAccountName || 'default';
  const key = `${uidOf(pod)}/${account}/${projection.audience ?? ''}/${projection.expirationSeconds ?? 3600}`;
  const known = tokens.get(key);
  const now = context.clock.now();
  if (known && known.refreshAt > now) return known;
  try {
    const fresh = await requestToken(context, account, projection);
    tokens.set(key, fresh);
    return fresh;
  } catch (error) {
    if (known && known.expiresAt > now) return { ...known, refreshAt: now + 30_000 };
    throw new VolumeError(`failed to fetch token: ${error instanceof Error ? error.message : String(error)}`);
  }
}
async function requestToken(context: VolumeContext, account: string, projection: V1ServiceAccountTokenProjection): Promise<Token> {
  const { pod } = context;
  const body: TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: projection.audience ? [projection.audience] : [],
      expirationSeconds: projection.expirationSeconds ?? 3600,
      boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: nameOf(pod), uid: uidOf(pod) },
    },
  };
  const asked = context.clock.now();
  const answer = await context.api.subresource<TokenRequest>(ServiceAccount as never, { namespace: namespaceOf(pod), name: account }, 'token', body);
  if (!answer.status?.token) throw new VolumeError(`the API answered the TokenRequest for ${account} without a token`);
  const expiresAt = Date.parse(answer.status.expirationTimestamp);
  const life = Math.max(0, expiresAt - asked);
  return { token: answer.status.token, expiresAt, refreshAt: asked + Math.min(0.8 * life, 86_400_000) };
}

import type { Clock } from '#base';
import type { V1Container, V1Pod } from '#kinds';
import type { ObjectSource } from './objects.ts';
import { nextBackoff, type BackoffEntry } from './plan.ts';
import { namespaceOf } from './pod.ts';
import { RuntimeError, type ImageState, type Runtime } from './runtime.ts';

/** Why a container waits: the reason and message of its status. */
export class StartError extends Error {
  readonly reason: string;
  /** When trying again makes sense, ms from now. */
  readonly retryMs: number;
  constructor(reason: string, message: string, retryMs = 10_000) {
    super(message);
    this.name = 'StartError';
    this.reason = reason;
    this.retryMs = retryMs;
  }
}

/** After a failed pull the status says ErrImagePull for this long, then ImagePullBackOff. */
const backoffShownMs = 2000;

export interface Credentials {
  username: string;
  password: string;
}
type Emit = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

export interface ImageManager {
  /** The image of a container is on the node afterwards. Rejects with StartError. */
  ensure(pod: V1Pod, container: V1Container, emit: Emit, signal: AbortSignal): Promise<ImageState>;
  forget(podUid: string): void;
  readonly pulls: number;
}

export function createImageManager(deps: { runtime: Runtime; clock: Clock; objects: ObjectSource; pulled?(): void }): ImageManager {
  const running = new Map<string, Promise<ImageState>>();
  const backoffs = new Map<string, { entry: BackoffEntry; error: string }>();
  let pulls = 0;

  async function pull(pod: V1Pod, container: V1Container, ref: string, emit: Emit, signal: AbortSignal): Promise<ImageState> {
    const key = `${pod.metadata?.uid}/${container.name}/${ref}`;
    const blocked = backoffs.get(key);
    const now = deps.clock.now();
    if (blocked && blocked.entry.updatedAt + blocked.entry.delayMs > now) {
      emit('Normal', 'BackOff', `Back-off pulling image "${container.image}"`);
      emit('Warning', 'Failed', 'Error: ImagePullBackOff');
      throw new StartError(
        'ImagePullBackOff',
        `Back-off pulling image "${container.image}": ErrImagePull: ${blocked.error}`,
        blocked.entry.updatedAt + blocked.entry.delayMs - now,
      );
    }
    emit('Normal', 'Pulling', `Pulling image "${container.image}"`);
    try {
      const image = await untilAborted(shared(ref, await credentialsFor(pod, ref, deps.objects)), signal);
      const took = formatDuration(deps.clock.now() - now);
      emit('Normal', 'Pulled', `Successfully pulled image "${container.image}" in ${took} (${took} including waiting). Image size: ${image.sizeBytes} bytes.`);
      backoffs.delete(key);
      deps.pulled?.();
      return image;
    } catch (error) {
      if (signal.aborted) throw error;
      const text = error instanceof Error ? error.message : String(error);
      const entry = nextBackoff(blocked?.entry, deps.clock.now(), deps.clock.now());
      backoffs.set(key, { entry, error: text });
      emit('Warning', 'Failed', `Failed to pull image "${container.image}": ${text}`);
      emit('Warning', 'Failed', 'Error: ErrImagePull');
      throw new StartError('ErrImagePull', text, Math.min(backoffShownMs, entry.delayMs));
    }
  }
  function shared(ref: string, auths: (Credentials | undefined)[]): Promise<ImageState> {
    const key = JSON.stringify([ref, auths]);
    let pending = running.get(key);
    if (!pending) {
      pulls++;
      pending = pullWithAny(deps.runtime, ref, auths).finally(() => running.delete(key));
      running.set(key, pending);
    }
    return pending;
  }
  return {
    async ensure(pod, container, emit, signal) {
      const ref = normalizeImage(container.image ?? '');
      if (ref === undefined) {
        const text = `Failed to apply default image tag "${container.image}": couldn't parse image name "${container.image}": invalid reference format`;
        emit('Warning', 'InspectFailed', text);
        emit('Warning', 'Failed', 'Error: InvalidImageName');
        throw new StartError('InvalidImageName', text);
      }
      const policy = container.imagePullPolicy ?? defaultPolicy(ref);
      const present = policy === 'Always' ? undefined : await deps.runtime.images.status(ref);
      if (present) {
        emit('Normal', 'Pulled', `Container image "${container.image}" already present on machine`);
        return present;
      }
      if (policy !== 'Never') return pull(pod, container, ref, emit, signal);
      const text = `Container image "${container.image}" is not present with pull policy of Never`;
      emit('Warning', 'ErrImageNeverPull', text);
      emit('Warning', 'Failed', 'Error: ErrImageNeverPull');
      throw new StartError('ErrImageNeverPull', text);
    },
    forget(podUid) {
      for (const key of backoffs.keys()) if (key.startsWith(`${podUid}/`)) backoffs.delete(key);
    },
    get pulls() {
      return pulls;
    },
  };
}

async function pullWithAny(runtime: Runtime, ref: string, auths: (Credentials | undefined)[]): Promise<ImageState> {
  let last: unknown;
  for (const auth of auths) {
    try {
      return await runtime.images.pull(ref, auth);
    } catch (error) {
      last = error;
    }
  }
  throw last instanceof Error ? last : new RuntimeError('image-pull', String(last));
}
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(new Error('the pod is being stopped'));
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('the pod is being stopped'));
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const host = '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
const reference = new RegExp(
  `^(?:(${host})/)?(${part}(?:/${part})*)(?::(\\w[\\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);

/** With `latest` where there is neither tag nor digest; undefined when it is no image reference. */
export function normalizeImage(image: string): string | undefined {
  const match = reference.exec(image);
  if (!match) return undefined;
  return match[3] || match[4] ? image : `${image}:latest`;
}
const defaultPolicy = (ref: string): string => (ref.endsWith(':latest') && !ref.includes('@') ? 'Always' : 'IfNotPresent');

/** `docker.io/library/nginx` for `nginx`: what registry credentials are matched with. */
export function qualifiedName(ref: string): string {
  const name = ref.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const [first = '', ...rest] = name.split('/');
  if (rest.length > 0 && (first.includes('.') || first.includes(':') || first === 'localhost')) return name;
  return `docker.io/${rest.length === 0 ? 'library/' : ''}${name}`;
}

/** Credentials that may open the image, best match first; [undefined] (anonymous) when there are none. */
export async function credentialsFor(pod: V1Pod, ref: string, objects: ObjectSource): Promise<(Credentials | undefined)[]> {
  const matches: { length: number; auth: Credentials }[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    const secret = name ? await objects.secret(namespaceOf(pod), name) : undefined;
    const auths = secret ? parseDockerConfig(secret.data ?? {}) : {};
    for (const [registry, auth] of Object.entries(auths)) if (matchesRegistry(registry, ref)) matches.push({ length: registry.length, auth });
  }
  matches.sort((a, b) => b.length - a.length);
  return matches.length > 0 ? matches.map((m) => m.auth) : [undefined];
}
function matchesRegistry(registry: string, ref: string): boolean {
  const wanted = registry
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12]\/?$/, '')
    .replace(/\/$/, '')
    .replace(/^index\.docker\.io/, 'docker.io');
  const [hostPattern = '', ...path] = wanted.split('/');
  const [refHost = '', ...refPath] = qualifiedName(ref).split('/');
  const glob = new RegExp(
    `^${hostPattern
      .split('*')
      .map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('[^.]*')}$`,
  );
  return glob.test(refHost) && path.every((segment, i) => refPath[i] === segment);
}
type DockerAuths = Record<string, { username?: string; password?: string; auth?: string }>;
/** kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg. Malformed entries give nothing. */
export function parseDockerConfig(data: Record<string, string>): Record<string, Credentials> {
  const json = data['.dockerconfigjson'];
  const old = data['.dockercfg'];
  const auths = json ? (decode(json) as { auths?: DockerAuths } | undefined)?.auths : old ? (decode(old) as DockerAuths | undefined) : undefined;
  const out: Record<string, Credentials> = {};
  for (const [registry, entry] of Object.entries(auths ?? {})) {
    const text = entry.auth ? Buffer.from(entry.auth, 'base64').toString() : `${entry.username ?? ''}:${entry.password ?? ''}`;
    const colon = text.indexOf(':');
    if (colon > 0) out[registry] = { username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  return out;
}
function decode(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString());
  } catch {
    return undefined;
  }
}

/** As Go prints a time.Duration rounded to ms: 850ms, 1.2s, 1m3.5s. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes > 0 ? `${minutes}m` : ''}${Number(((ms % 60_000) / 1000).toFixed(3))}s`;
}

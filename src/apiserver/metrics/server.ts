import type { Metrics, Value } from '#base';
import type { UserInfo } from '#machinery';
import type { ObjectCache } from '../cache/cache.ts';

/** kubernetes_build_info and kubernetes_feature_enabled. `version` is the document of /version. */
export function buildMetrics(metrics: Metrics, version: Readonly<Record<string, string>>): void {
  const labels = ['build_date', 'compiler', 'git_commit', 'git_tree_state', 'git_version', 'go_version', 'major', 'minor', 'platform'];
  const info = metrics.gauge({
    name: 'kubernetes_build_info',
    help: 'A metric with a constant value 1, labeled by what was built, from what, and for which platform.',
    labels,
    stability: 'ALPHA',
  });
  const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  info.with(...labels.map((label) => version[camel(label)] ?? '')).set(1);
  const features = metrics.gauge({
    name: 'kubernetes_feature_enabled',
    help: 'Whether a feature gate is on (1) or off (0).',
    labels: ['name', 'stage'],
    stability: 'BETA',
  });
  for (const [name, stage, on] of gates) features.with(name, stage).set(on);
}
/** Gates of kube-apiserver that tell what this server does and does not do; the stage of those that are generally available is empty. */
const gates: readonly (readonly [string, string, 0 | 1])[] = [
  ['APIPriorityAndFairness', '', 1],
  ['AllAlpha', 'ALPHA', 0],
  ['AllBeta', 'BETA', 0],
  ['AllowUnsafeMalformedObjectDeletion', 'ALPHA', 0],
  ['CBORServingAndStorage', 'ALPHA', 0],
  ['WatchList', 'BETA', 1],
];

/** How many objects there are, and what the cache has seen. */
export function storageMetrics(metrics: Metrics, cache: ObjectCache): void {
  const resource = ['group', 'resource'];
  const objects = metrics.gauge({
    name: 'apiserver_resource_objects',
    help: 'Number of stored objects, split by resource.',
    labels: resource,
    stability: 'ALPHA',
  });
  const old = metrics.gauge({
    name: 'apiserver_storage_objects',
    help: 'Number of stored objects, split by kind. apiserver_resource_objects replaces it.',
    labels: ['resource'],
    stability: 'STABLE',
  });
  const versions = metrics.gauge({
    name: 'apiserver_watch_cache_resource_version',
    help: 'Resource version of the newest change of a resource that the cache has seen.',
    labels: resource,
    stability: 'ALPHA',
  });
  const received = metrics.counter({
    name: 'apiserver_watch_cache_events_received_total',
    help: 'Number of events that the cache received from the store, split by resource.',
    labels: resource,
    stability: 'ALPHA',
  });
  metrics.collect(() => {
    for (const metric of [objects, old, versions, received]) metric.clear();
    for (const { kind, size, lastChange, changes } of cache.all()) {
      objects.with(kind.group, kind.plural).set(size);
      old.with(kind.group ? `${kind.plural}.${kind.group}` : kind.plural).set(size);
      versions.with(kind.group, kind.plural).set(lastChange);
      received.with(kind.group, kind.plural).set(changes);
    }
  });
}

/** Who was let in, and how connections began. */
export class AccessMetrics {
  readonly handshakeErrors: Value;
  readonly #attempts;
  readonly #users;
  readonly #authorizations;
  readonly #expirations;
  readonly #known = new Map<string, Value>();

  constructor(metrics: Metrics) {
    const attempts = metrics.counter({
      name: 'authentication_attempts',
      help: 'Counter of authenticated attempts.',
      labels: ['result'],
      stability: 'ALPHA',
    });
    this.#attempts = { success: attempts.with('success'), failure: attempts.with('failure') };
    this.#users = metrics.counter({
      name: 'authenticated_user_requests',
      help: 'Counter of authenticated requests broken out by username.',
      labels: ['username'],
      stability: 'ALPHA',
    });
    const authorizations = metrics.counter({
      name: 'apiserver_authorization_decisions_total',
      help: 'Total number of terminal decisions made by an authorizer.',
      labels: ['decision', 'name', 'type'],
      stability: 'ALPHA',
    });
    this.#authorizations = authorizations;
    this.#expirations = metrics
      .histogram({
        name: 'apiserver_client_certificate_expiration_seconds',
        help: 'Distribution of the remaining lifetime on the certificates that connections were authenticated with.',
        buckets: [0, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 345_600, 604_800, 2_592_000, 7_776_000, 15_552_000, 31_104_000],
        stability: 'ALPHA',
      })
      .with();
    this.handshakeErrors = metrics
      .counter({ name: 'apiserver_tls_handshake_errors_total', help: 'Number of connections that failed in the TLS handshake.', stability: 'ALPHA' })
      .with();
  }
  authenticated({ username }: UserInfo): void {
    this.#attempts.success.value++;
    let users = this.#known.get(username);
    if (!users) {
      users = this.#users.with(shortName(username));
      if (this.#known.size < 10_000) this.#known.set(username, users);
    }
    users.value++;
  }
  refused(): void {
    this.#attempts.failure.value++;
  }
  decided(allowed: boolean): void {
    (allowed ? (this.#allowed ??= this.#decision('allowed')) : (this.#denied ??= this.#decision('denied'))).value++;
  }
  #allowed: Value | undefined;
  #denied: Value | undefined;
  #decision(decision: string): Value {
    return this.#authorizations.with(decision, 'default', 'Default');
  }
  certificate(remainingSeconds: number): void {
    this.#expirations.observe(remainingSeconds);
  }
}

/** Few names, so that users make no series: the way kube-apiserver shortens them. */
const wellKnown = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);
function shortName(username: string): string {
  if (wellKnown.has(username)) return username;
  return username.includes('@') ? 'email_id' : 'other';
}

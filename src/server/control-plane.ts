import { statSync } from 'node:fs';
import { Metrics, processMetrics, systemClock, systemRandom, type Logger } from '#base';
import { createApiServer, standardParts, type ApiServer } from '#apiserver';
import type { Door } from '#apiserver/entrance';
import { createClient, kindSource, type Client } from '#client';
import { createMetrics } from '#metrics';
import { allKinds, loadDescriptions, loadProtobuf, schemas } from '#kinds';
import type { Api, NodeStreams, UsageMeter } from '#machinery';
import type { PlacementSource } from '#scheduler';
import { startCompactor, type ClosableStore } from '#store';
import { createNamespaces, ensureClusterInfo, ensurePriorityClasses } from './bootstrap.ts';
import { loadAuthentication } from './authentication.ts';
import { certificateAuthority } from './certificates.ts';
import type { Identity } from './identity.ts';
import { LegacyTokenUse } from './legacy-tokens.ts';
import { openFilters } from './filters.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';
import { storeBootstrapPolicy } from './rbac-bootstrap.ts';
import type { NetworkPlan } from './plan.ts';
import { loadSchedulerConfiguration } from './scheduler-config.ts';
import { placementGroup } from './placement-group.ts';
import { turn } from './turn.ts';
import { kubernetesVersion } from './version.ts';

/** Store, API server, controllers and scheduler. */
export interface ControlPlane {
  /** The API as the system's own components use it. */
  readonly api: Api;
  readonly client: Client;
  /** Who signs the tokens of ServiceAccounts, and the public keys (JWK) to prove them with. */
  readonly issuer: { readonly url: string; keys(): readonly Record<string, unknown>[] };
  /** Resolves when the default namespace and its ServiceAccount exist. */
  ready(): Promise<void>;
  /** Answers on one more address. */
  listen(host: string, port: number): Promise<void>;
  /** Tells where logs, exec and the like of a node's pods go. */
  addNodeStreams(node: string, streams: NodeStreams): void;
  /** Why pods have no node. */
  placements(): Promise<PlacementSource>;
  /** Stops controllers and scheduler; the API goes on. */
  stopLoops(): Promise<void>;
  /** Stops the API and closes the store. */
  stop(): Promise<void>;
}

interface Deps {
  /** Being opened: its thread starts while modules are loaded here. Closed by `stop`. */
  store: Promise<ClosableStore>;
  options: UpOptions;
  paths: Paths;
  plan: NetworkPlan;
  log: Logger;
  identity: Identity;
  /** Where clients wait for the API. */
  door: Door;
}

/** Resolves when the API answers over HTTPS. */
export async function startControlPlane({ store: opening, options, paths, plan, log, identity, door }: Deps): Promise<ControlPlane> {
  const { pki, serving, proxyClient } = identity;
  const store = await opening;
  const metrics = instanceMetrics(options, paths);
  const filters = await openFilters(options, metrics, log);
  const nodeStreams = new Map<string, NodeStreams>();
  const authentication = await loadAuthentication(options.authentication);
  const scheduling = await loadSchedulerConfiguration(options.schedulerConfig);
  const legacy = new LegacyTokenUse(log.named('tokens'));
  const parts = standardParts({
    clock: systemClock,
    random: systemRandom,
    serviceCidr: plan.serviceCIDR,
    clientCa: pki.ca.cert,
    proxyCa: pki.proxyCa.cert,
    tokenKey: pki.tokenKey,
    metrics,
    ...authentication,
    log: log.named('authentication'),
    legacyTokenUsed: (namespace, secret, day) => legacy.note(namespace, secret, day),
  });
  const measures = createMetrics({
    clock: systemClock,
    log: log.named('metrics'),
    scrapePeriodMs: options.scrapeSeconds === undefined ? undefined : options.scrapeSeconds * 1000,
  });
  const placing: { source?: PlacementSource } = {};
  const server = createApiServer({
    ...parts,
    store,
    kinds: allKinds,
    schemas,
    descriptions: loadDescriptions,
    protobuf: loadProtobuf,
    clock: systemClock,
    random: systemRandom,
    log,
    tls: { cert: serving.cert, key: serving.key, clientCa: pki.ca.cert + pki.proxyCa.cert },
    metrics,
    ...filters,
    nodeStreams: (name) => nodeStreams.get(name),
    computed: [...measures.groups, placementGroup(() => placing.source)],
    aggregation: { proxyClient },
    version: { gitVersion: kubernetesVersion },
    ...(options.flags ? { flags: options.flags } : {}),
  });
  await server.ready();
  const api = server.api({ username: 'system:batuta', groups: ['system:masters'] });
  await Promise.all([createNamespaces(api), server.listen(door)]);
  legacy.start(api);
  const client = createClient(
    api,
    systemClock,
    log,
    kindSource(
      () => server.kinds,
      (changed) => server.onKinds(changed),
    ),
  );
  measures.start({ client, nodes: () => metersOf(nodeStreams), meter: (node) => nodeStreams.get(node)?.usage });
  const compactor = startCompactor(store, systemClock, { log: log.named('store') });
  // Loading them takes a while: in the next turn, so that whoever waits for the API is told first.
  const loops = turn()
    .then(() => import('./loops.ts'))
    .then(async (loaded) => turn().then(() => loaded))
    .then(({ startLoops }) =>
      startLoops(client, log, metrics, {
        scheduling,
        rootCa: pki.ca.cert,
        serviceCidr: plan.serviceCIDR,
        certificates: certificateAuthority(pki.ca, parts.authorizer, systemClock),
        signLegacyToken: (claims) => parts.signer.signLegacy(claims),
        nodeMonitorGraceMs: options.nodeGraceSeconds * 1000,
        ...(options.zones ? { zones: options.zones } : {}),
        ...(options.autoscaler ? { autoscaler: options.autoscaler } : {}),
        nodeCidrs: plan.spareNodeCIDRs,
        clusterAutoscaler: options.clusterAutoscaler,
      }),
    );
  void loops.then(({ placements }) => (placing.source = placements)).catch(() => {}); // `ready` tells of it
  const policy = loops.then(() => storeBootstrapPolicy(api, namespacesExist(server, ['kube-system', 'kube-public'])));
  startHook(server, 'rbac/bootstrap-roles', policy);
  const classes = loops
    .then(() => waitForDefaults(server))
    .then(() => ensureClusterInfo(api, pki.ca.cert, pki.proxyCa.cert))
    .then(() => ensurePriorityClasses(api));
  startHook(server, 'scheduling/bootstrap-system-priority-classes', classes);
  const settled = classes.then(() => policy);
  settled.catch(() => {}); // `ready` tells of it
  return {
    api,
    client,
    issuer: { url: parts.signer.issuer, keys: () => parts.signer.jwks().keys },
    ready: () => settled,
    listen: async (host, port) => void (await server.listen({ host, port })),
    addNodeStreams: (node, streams) => void nodeStreams.set(node, streams),
    placements: () => loops.then(({ placements }) => placements),
    // Loops that could not be loaded need no stopping; `ready` told of it.
    stopLoops: () =>
      loops.then(
        ({ stop }) => stop(),
        () => {},
      ),
    async stop() {
      measures.stop();
      client.close();
      compactor.close();
      await server.close();
      await filters.audit?.close();
      await store.close();
    },
  };
}

function* metersOf(nodes: ReadonlyMap<string, NodeStreams>): Iterable<[string, UsageMeter]> {
  for (const [name, { usage }] of nodes) if (usage) yield [name, usage];
}

/** Ready only when a step of the start is done; a failure is told by `ready`, too. */
function startHook(server: ApiServer, name: string, step: Promise<unknown>): void {
  let failure: string | undefined = 'not finished';
  step.then(
    () => (failure = undefined),
    (error: unknown) => (failure = error instanceof Error ? error.message : String(error)),
  );
  server.addHealthCheck({ name: `poststarthook/${name}`, readinessOnly: true, check: () => failure });
}

/** One page for the whole process. */
function instanceMetrics(options: UpOptions, paths: Paths): Metrics {
  const metrics = new Metrics();
  processMetrics(metrics);
  if (options.store === 'memory') return metrics;
  const size = metrics.gauge({
    name: 'apiserver_storage_size_bytes',
    help: 'Size of the storage database file physically allocated in bytes.',
    labels: ['storage_cluster_id'],
    stability: 'STABLE',
  });
  metrics.collect(() => size.with('sqlite').set(statSync(paths.database, { throwIfNoEntry: false })?.size ?? 0));
  return metrics;
}

/** Resolves when the default namespace has its ServiceAccount, which pods need. */
function waitForDefaults(server: ApiServer): Promise<void> {
  return new Promise((resolve) => {
    server.reader.observe('', 'serviceaccounts', (object) => {
      if (object?.metadata?.name === 'default' && object.metadata.namespace === 'default') resolve();
    });
  });
}
/** Resolves when there are namespaces of these names. */
function namespacesExist(server: ApiServer, names: readonly string[]): Promise<void> {
  const missing = new Set(names);
  return new Promise((resolve) => {
    server.reader.observe('', 'namespaces', (object) => {
      if (object && missing.delete(object.metadata?.name ?? '') && missing.size === 0) resolve();
    });
  });
}

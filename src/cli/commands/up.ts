import { UsageError, maxNodes, maxSimNodes, runUp, type UpOptions } from '#server';
import { flag, instanceOptions, text, texts, type Command, type Parsed } from '../command.ts';

function whole(args: Parsed, name: string, fallback: number, max: number): number {
  const value = text(args, name);
  if (value === undefined) return fallback;
  if (!/^\d+$/.test(value) || Number(value) > max) throw new UsageError(`--${name} ${value}: a whole number from 0 to ${max}`);
  return Number(value);
}
/** A period: at least a second. */
function seconds(args: Parsed, name: string, fallback: number): number {
  const value = whole(args, name, fallback, 86_400);
  if (value === 0) throw new UsageError(`--${name} 0: at least 1`);
  return value;
}
function choice<T extends string>(args: Parsed, name: string, choices: readonly T[], fallback: T): T {
  const value = text(args, name) ?? fallback;
  if (!choices.includes(value as T)) throw new UsageError(`--${name} ${value}: one of ${choices.join(', ')}`);
  return value as T;
}
/** A count that was asked for; undefined leaves the choice to `up`. */
const optional = (args: Parsed, name: string, max: number): number | undefined => (text(args, name) === undefined ? undefined : whole(args, name, 0, max));

function readOptions(args: Parsed): UpOptions {
  const offset = whole(args, 'port-offset', 0, 20_000);
  const store = text(args, 'store') ?? 'sqlite';
  if (store.startsWith('etcd://')) throw new UsageError('--store etcd://…: not in this version yet; use sqlite or memory');
  return {
    dataDir: text(args, 'data-dir'),
    name: text(args, 'name'),
    detach: flag(args, 'detach'),
    wait: flag(args, 'wait'),
    nodes: optional(args, 'nodes', maxNodes),
    simNodes: optional(args, 'sim-nodes', maxSimNodes),
    simTemplate: text(args, 'sim-template'),
    runtime: choice(args, 'runtime', ['auto', 'containerd', 'sim'], 'auto'),
    store: choice(args, 'store', ['sqlite', 'memory'], 'sqlite'),
    kubePort: whole(args, 'kube-port', 6443, 65_535) + offset,
    awsPort: readFreePort(args, 'aws-port', 4566, offset),
    account: readAccount(args),
    allowReset: flag(args, 'allow-reset'),
    awsOrigins: readOrigins(args),
    eventWebhook: readWebhook(args),
    registryPort: readFreePort(args, 'registry-port', 5000, offset),
    listen: text(args, 'listen') ?? '127.0.0.1',
    logLevel: choice(args, 'log-level', ['debug', 'info', 'warn', 'error'], 'info'),
    json: flag(args, 'json'),
    preload: text(args, 'preload'),
    nodeGraceSeconds: whole(args, 'node-monitor-grace-period', 40, 10_000_000),
    autoscaler: {
      syncPeriodMs: seconds(args, 'hpa-sync-period', 15) * 1000,
      downscaleStabilizationMs: whole(args, 'hpa-downscale-stabilization', 300, 86_400) * 1000,
      cpuInitializationMs: whole(args, 'hpa-cpu-initialization-period', 300, 86_400) * 1000,
    },
    clusterAutoscaler: {
      scanMs: seconds(args, 'autoscaler-scan-interval', 10) * 1000,
      unneededMs: whole(args, 'autoscaler-unneeded-time', 600, 86_400) * 1000,
      delayAfterAddMs: whole(args, 'autoscaler-delay-after-add', 600, 86_400) * 1000,
      expanders: expandersOf(text(args, 'autoscaler-expander') ?? defaultExpanders),
      balanceSimilar: flag(args, 'autoscaler-balance-similar-node-groups'),
    },
    zones: {
      evictionRate: share(args, 'node-eviction-rate', 0.1, 1000),
      secondaryEvictionRate: share(args, 'secondary-node-eviction-rate', 0.01, 1000),
      unhealthyZoneThreshold: share(args, 'unhealthy-zone-threshold', 0.55, 1),
      largeZoneSize: whole(args, 'large-cluster-size-threshold', 50, 1_000_000),
    },
    scrapeSeconds: seconds(args, 'scrape-interval', 15),
    auditPolicy: text(args, 'audit-policy-file'),
    auditLog: text(args, 'audit-log-path'),
    auditLogMaxSize: whole(args, 'audit-log-maxsize', 100, 1_000_000),
    auditLogMaxBackup: whole(args, 'audit-log-maxbackup', 10, 1_000_000),
    maxRequestsInFlight: whole(args, 'max-requests-inflight', 600, 1_000_000),
    encryptionConfig: text(args, 'encryption-provider-config'),
    schedulerConfig: text(args, 'scheduler-config'),
    authentication: readAuthentication(args),
    flags: shownFlags(args),
  };
}

/** All flags with what was given or goes without saying. */
function shownFlags(args: Parsed): { [name: string]: string } {
  const valueOf = (name: string, type: string, fallback = ''): string =>
    type === 'boolean' ? String(flag(args, name)) : (text(args, name) ?? texts(args, name).join(',')) || fallback;
  const all = Object.entries(command.options).map(([name, option]) => [name, valueOf(name, option.type, option.default)] as const);
  return Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Origins as browsers write them: no path, no slash at the end. */
function readOrigins(args: Parsed): string[] {
  const origins = (text(args, 'aws-cors-origins') ?? '').split(',').filter((one) => one !== '');
  for (const one of origins) {
    if (!URL.canParse(one) || new URL(one).origin !== one)
      throw new UsageError(`--aws-cors-origins ${one}: origins such as https://console.example, with commas between`);
  }
  return origins;
}
function readAccount(args: Parsed): string {
  const account = text(args, 'account') ?? '000000000000';
  if (!/^\d{12}$/.test(account)) throw new UsageError(`--account ${account}: twelve digits`);
  return account;
}
function readWebhook(args: Parsed): string | undefined {
  const url = text(args, 'event-webhook');
  if (url !== undefined && !/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw new UsageError(`--event-webhook ${url}: an http or https URL`);
  return url;
}
/** A number from 0 to `most`, with decimals. */
function share(args: Parsed, name: string, fallback: number, most: number): number {
  const given = text(args, name);
  const value = given === undefined ? fallback : Number(given);
  if (given?.trim() === '' || !(value >= 0 && value <= most)) throw new UsageError(`--${name} ${given}: a number from 0 to ${most}`);
  return value;
}
/** 0 asks for any free port: there is nothing to add to that. */
function readFreePort(args: Parsed, name: string, fallback: number, offset: number): number {
  const port = whole(args, name, fallback, 65_535);
  return port === 0 ? 0 : port + offset;
}
const expanderNames = ['least-nodes', 'least-waste', 'most-pods', 'price', 'priority', 'random'];
const defaultExpanders = 'priority,price,least-waste';
function expandersOf(list: string): string[] {
  const names = list.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !expanderNames.includes(name));
  if (unknown !== undefined) throw new UsageError(`--autoscaler-expander ${unknown}: some of ${expanderNames.join(', ')}, with commas between`);
  return names;
}

function readAuthentication(args: Parsed): UpOptions['authentication'] {
  const issuerUrl = text(args, 'oidc-issuer-url');
  const clientId = text(args, 'oidc-client-id');
  if ((issuerUrl === undefined) !== (clientId === undefined)) throw new UsageError('--oidc-issuer-url and --oidc-client-id go together');
  return {
    tokenAuthFile: text(args, 'token-auth-file'),
    serviceAccountKeyFiles: texts(args, 'service-account-key-file'),
    serviceAccountIssuer: text(args, 'service-account-issuer'),
    authenticationConfig: text(args, 'authentication-config'),
    oidc:
      issuerUrl === undefined || clientId === undefined
        ? undefined
        : {
            issuerUrl,
            clientId,
            caFile: text(args, 'oidc-ca-file'),
            usernameClaim: text(args, 'oidc-username-claim'),
            usernamePrefix: text(args, 'oidc-username-prefix'),
            groupsClaim: text(args, 'oidc-groups-claim'),
            groupsPrefix: text(args, 'oidc-groups-prefix'),
            requiredClaims: texts(args, 'oidc-required-claim'),
            signingAlgs: text(args, 'oidc-signing-algs'),
          },
  };
}

export const command: Command = {
  name: 'up',
  summary: 'start the cluster (Ctrl-C stops it and keeps its state)',
  options: {
    ...instanceOptions,
    detach: { type: 'boolean', help: 'run in the background' },
    wait: { type: 'boolean', help: 'with --detach: return when everything is ready' },
    nodes: { type: 'string', value: 'N', help: 'nodes that run containers', default: '1' },
    'sim-nodes': { type: 'string', value: 'N', help: 'simulated nodes', default: '0' },
    'sim-template': { type: 'string', value: 'FILE', help: 'groups of simulated nodes: instance types, zones, labels, taints (see docs/simulation.md)' },
    runtime: { type: 'string', value: 'R', help: 'auto, containerd or sim', default: 'auto' },
    store: { type: 'string', value: 'S', help: 'sqlite or memory', default: 'sqlite' },
    'kube-port': { type: 'string', value: 'PORT', help: 'port of the Kubernetes API', default: '6443' },
    'aws-port': { type: 'string', value: 'PORT', help: 'port of the AWS APIs; 0 = any free port', default: '4566' },
    account: { type: 'string', value: 'ID', help: 'account of the AWS APIs: twelve digits', default: '000000000000' },
    'aws-cors-origins': { type: 'string', value: 'LIST', help: 'pages of the web that may call the AWS APIs, by origin, with commas between' },
    'allow-reset': { type: 'boolean', help: 'all state of the AWS APIs may be deleted at once (bin/batuta reset --aws, POST /moto-api/reset)' },
    'event-webhook': { type: 'string', value: 'URL', help: 'events of the AWS services are posted there, as JSON; bin/batuta logs --events shows them, too' },
    'registry-port': { type: 'string', value: 'PORT', help: 'port of the image registry, on 127.0.0.1 only; 0 = any free port', default: '5000' },
    'port-offset': { type: 'string', value: 'N', help: 'added to every port', default: '0' },
    listen: { type: 'string', value: 'ADDR', help: 'address to listen on', default: '127.0.0.1' },
    preload: { type: 'string', value: 'DIR', help: 'import every image archive (*.tar) of this directory at start' },
    'node-monitor-grace-period': { type: 'string', value: 'SECONDS', help: 'a node unheard of for so long is NotReady', default: '40' },
    'node-eviction-rate': { type: 'string', value: 'RATE', help: 'nodes a second that are emptied in a zone when they are gone', default: '0.1' },
    'secondary-node-eviction-rate': { type: 'string', value: 'RATE', help: 'the same in a large zone that is disrupted', default: '0.01' },
    'unhealthy-zone-threshold': { type: 'string', value: 'SHARE', help: 'share of nodes not ready that makes a zone disrupted', default: '0.55' },
    'large-cluster-size-threshold': {
      type: 'string',
      value: 'N',
      help: 'zones of up to so many nodes are not emptied while they are disrupted',
      default: '50',
    },
    'hpa-sync-period': { type: 'string', value: 'SECONDS', help: 'how often HorizontalPodAutoscalers look at their metrics', default: '15' },
    'hpa-downscale-stabilization': { type: 'string', value: 'SECONDS', help: 'how long they keep to their highest recommendation', default: '300' },
    'hpa-cpu-initialization-period': {
      type: 'string',
      value: 'SECONDS',
      help: 'how long they ignore CPU of pods that are starting',
      default: '300',
    },
    'autoscaler-scan-interval': { type: 'string', value: 'SECONDS', help: 'how often the cluster autoscaler looks at its NodeGroups', default: '10' },
    'autoscaler-unneeded-time': { type: 'string', value: 'SECONDS', help: 'how long a node must be unneeded before it goes', default: '600' },
    'autoscaler-delay-after-add': { type: 'string', value: 'SECONDS', help: 'how long no node goes after one came', default: '600' },
    'autoscaler-expander': { type: 'string', value: 'LIST', help: 'how it chooses among groups, one after the other', default: 'priority,price,least-waste' },
    'autoscaler-balance-similar-node-groups': { type: 'boolean', help: 'share new nodes among NodeGroups whose nodes are alike but for their zones' },
    'scrape-interval': { type: 'string', value: 'SECONDS', help: 'how often pods annotated prometheus.io/scrape are scraped', default: '15' },
    'audit-policy-file': { type: 'string', value: 'FILE', help: 'audit Policy (default: metadata of everything, when there is an audit log)' },
    'audit-log-path': { type: 'string', value: 'FILE', help: 'write audit events to a file, or to standard output with -' },
    'audit-log-maxsize': { type: 'string', value: 'MB', help: 'size at which the audit log is put away; 0 = never', default: '100' },
    'audit-log-maxbackup': { type: 'string', value: 'N', help: 'audit logs that were put away and stay; 0 = all', default: '10' },
    'max-requests-inflight': {
      type: 'string',
      value: 'N',
      help: 'seats of API priority and fairness, for reads and writes together; 0 turns it off',
      default: '600',
    },
    'encryption-provider-config': {
      type: 'string',
      value: 'FILE',
      help: 'EncryptionConfiguration for the store (default: Secrets, with a key made in the data directory)',
    },
    'scheduler-config': { type: 'string', value: 'FILE', help: 'KubeSchedulerConfiguration: profiles, plugins, weights, arguments' },
    'token-auth-file': { type: 'string', value: 'FILE', help: 'CSV of static tokens: token,user,uid,"group1,group2"' },
    'service-account-key-file': { type: 'string', value: 'FILE', multiple: true, help: 'a further key whose service-account tokens are good (repeatable)' },
    'service-account-issuer': { type: 'string', value: 'URL', help: 'issuer of service-account tokens' },
    'authentication-config': { type: 'string', value: 'FILE', help: 'AuthenticationConfiguration: issuers whose tokens are trusted' },
    'oidc-issuer-url': { type: 'string', value: 'URL', help: 'trust ID tokens of this issuer' },
    'oidc-client-id': { type: 'string', value: 'ID', help: 'the client that they are for' },
    'oidc-ca-file': { type: 'string', value: 'FILE', help: 'CA of the issuer' },
    'oidc-username-claim': { type: 'string', value: 'CLAIM', help: 'claim of the user name', default: 'sub' },
    'oidc-username-prefix': { type: 'string', value: 'TEXT', help: 'put before user names; - for none (default: the issuer and #, none for email)' },
    'oidc-groups-claim': { type: 'string', value: 'CLAIM', help: 'claim of the groups' },
    'oidc-groups-prefix': { type: 'string', value: 'TEXT', help: 'put before groups' },
    'oidc-required-claim': { type: 'string', value: 'CLAIM=VALUE', multiple: true, help: 'a claim that tokens must have (repeatable)' },
    'oidc-signing-algs': { type: 'string', value: 'LIST', help: 'accepted signatures, with commas between', default: 'RS256' },
    'log-level': { type: 'string', value: 'LEVEL', help: 'debug, info, warn or error', default: 'info' },
    json: { type: 'boolean', help: 'log in JSON lines' },
  },
  async run(args) {
    if (args.positionals.length) throw new UsageError(`unexpected argument ${args.positionals[0]}`);
    return runUp(readOptions(args));
  },
};

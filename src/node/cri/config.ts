import { join } from 'node:path';
import { sandboxImage } from './sandbox-image.ts';

/** A node's pod network on this containerd. */
export interface CriNode {
  name: string;
  /** IPv4 range of this node's pods, for example 10.244.1.0/24. */
  podCIDR: string;
}

/** Every path that one containerd instance uses; all are its own. */
export interface CriPaths {
  dataDir: string;
  runDir: string;
  root: string;
  state: string;
  socket: string;
  runcRoot: string;
  config: string;
  cni: string;
  certs: string;
  log: string;
  pidFile: string;
  instanceFile: string;
}

export function criPaths(dataDir: string, runDir: string): CriPaths {
  return {
    dataDir,
    runDir,
    root: join(dataDir, 'root'),
    state: join(runDir, 'state'),
    socket: join(runDir, 'containerd.sock'),
    runcRoot: join(runDir, 'runc'),
    config: join(dataDir, 'config.toml'),
    cni: join(dataDir, 'cni'),
    certs: join(dataDir, 'certs.d'),
    log: join(dataDir, 'containerd.log'),
    pidFile: join(runDir, 'containerd.pid'),
    instanceFile: join(dataDir, 'instance.json'),
  };
}

/** The CRI runtime handler (RuntimeClass in Kubernetes' words) of a node. */
export function runtimeHandler(node: string): string {
  return `runc-${node}`;
}
export function networkName(instance: string, node: string): string {
  return `batuta-${instance}-${node}`;
}

/**
 * The node's network: one point-to-point link per pod, addresses from the node's range. Masquerading, host ports and
 * policies are rules of the network room. The loopback interface is containerd's own doing.
 */
export function cniConfig(instance: string, node: CriNode, cniDir: string): string {
  const ipam = {
    type: 'host-local',
    dataDir: join(cniDir, 'allocations'),
    ranges: [[{ subnet: node.podCIDR }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const conflist = { cniVersion: '0.4.0', name: networkName(instance, node.name), plugins: [{ type: 'ptp', ipMasq: false, ipam }] };
  return JSON.stringify(conflist, undefined, 2) + '\n';
}

export interface ConfigOptions {
  /** Of containerd: 1 or 2. */
  majorVersion: number;
  paths: CriPaths;
  nodes: readonly CriNode[];
  cniBinDir: string;
  /** Without CAP_SYS_RESOURCE no process may lower its OOM score: without this every sandbox would fail. */
  restrictOomScoreAdj: boolean;
}

/** Plugins that only cost start-up time or touch the host's shared directories. */
const unused = [
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.erofs',
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.restart',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.nri.v1.nri',
  'io.containerd.monitor.v1.cgroups',
  'io.containerd.monitor.task.v1.cgroups',
];

/** config.toml: version 2 for containerd 1.x, version 3 for 2.x. */
export function containerdConfig(options: ConfigOptions): string {
  const { majorVersion, paths } = options;
  const v3 = majorVersion >= 2;
  const head = [
    '# Written by batuta at every start.',
    `version = ${v3 ? 3 : 2}`,
    `root = ${toml(paths.root)}`,
    `state = ${toml(paths.state)}`,
    `disabled_plugins = ${toml(unused)}`,
    table('grpc', { address: paths.socket, max_recv_message_size: 64 << 20, max_send_message_size: 64 << 20 }),
    // A UNIX socket's default is under /run/containerd, which is the host's.
    table('ttrpc', { address: `${paths.socket}.ttrpc` }),
  ];
  return [...head, ...(v3 ? criVersion3(options) : criVersion2(options))].join('\n') + '\n';
}

function criVersion2(options: ConfigOptions): string[] {
  const cri = "plugins.'io.containerd.grpc.v1.cri'";
  return [
    table(cri, { ...runtimeSettings(options), ...streamSettings, sandbox_image: sandboxImage, disable_tcp_service: true, stats_collect_period: 10 }),
    table(`${cri}.cni`, { bin_dir: options.cniBinDir, ...cniSettings(options) }),
    table(`${cri}.containerd`, { default_runtime_name: defaultRuntime(options), snapshotter: 'overlayfs', discard_unpacked_layers: false }),
    ...handlers(`${cri}.containerd.runtimes`, options),
    table(`${cri}.registry`, { config_path: options.paths.certs }),
  ];
}

function criVersion3(options: ConfigOptions): string[] {
  const runtime = "plugins.'io.containerd.cri.v1.runtime'";
  const images = "plugins.'io.containerd.cri.v1.images'";
  return [
    table("plugins.'io.containerd.grpc.v1.cri'", { ...streamSettings, disable_tcp_service: true }),
    table(runtime, runtimeSettings(options)),
    // 2.1 renamed bin_dir to bin_dirs; both read this one.
    table(`${runtime}.cni`, { bin_dir: options.cniBinDir, ...cniSettings(options) }),
    table(`${runtime}.containerd`, { default_runtime_name: defaultRuntime(options) }),
    ...handlers(`${runtime}.containerd.runtimes`, options),
    table(images, { snapshotter: 'overlayfs' }),
    table(`${images}.pinned_images`, { sandbox: sandboxImage }),
    table(`${images}.registry`, { config_path: options.paths.certs }),
  ];
}

const streamSettings = { stream_server_address: '127.0.0.1', stream_server_port: '0' };
function runtimeSettings(options: ConfigOptions): Settings {
  return {
    restrict_oom_score_adj: options.restrictOomScoreAdj,
    netns_mounts_under_state_dir: true,
    enable_unprivileged_ports: true,
    enable_unprivileged_icmp: true,
  };
}
function cniSettings(options: ConfigOptions): Settings {
  const first = options.nodes[0];
  return { conf_dir: first ? join(options.paths.cni, first.name) : options.paths.cni, max_conf_num: 1 };
}
function defaultRuntime(options: ConfigOptions): string {
  const first = options.nodes[0];
  return first ? runtimeHandler(first.name) : 'runc';
}
function handlers(prefix: string, options: ConfigOptions): string[] {
  const named = options.nodes.map((n) => ({ name: runtimeHandler(n.name), cni: join(options.paths.cni, n.name) }));
  const all = named.length > 0 ? named : [{ name: 'runc', cni: options.paths.cni }];
  return all.flatMap(({ name, cni }) => [
    table(`${prefix}.${toml(name)}`, { runtime_type: 'io.containerd.runc.v2', cni_conf_dir: cni, cni_max_conf_num: 1 }),
    table(`${prefix}.${toml(name)}.options`, { SystemdCgroup: false, Root: options.paths.runcRoot }),
  ]);
}

type Settings = Record<string, string | number | boolean | readonly string[]>;
function table(name: string, settings: Settings): string {
  return [`\n[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${toml(value)}`)].join('\n');
}
function toml(value: string | number | boolean | readonly string[]): string {
  // JSON's strings and arrays of strings are TOML's basic strings and arrays.
  return JSON.stringify(value);
}

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom, type Logger } from '#base';
import type { V1Pod } from '#kinds';
import { removeNetwork, startNetwork, type Network } from '#network';
import type { NodeAgent, Runtime } from '#node';
import type { ListedImage } from './commands.ts';
import type { ControlPlane } from './control-plane.ts';
import { ensureDnsService, ensureKubernetesService } from './bootstrap.ts';
import { nodeCapacity } from './capacity.ts';
import { UserError } from './errors.ts';
import type { Machines } from './machines.ts';
import { RealMachines } from './real-machines.ts';
import type { UpOptions } from './options.ts';
import type { InstanceRecord, Paths } from './paths.ts';
import { planNetwork, type NetworkPlan, type NodePlan } from './plan.ts';

/** containerd, the nodes on it, and their network. */
export interface Containers {
  /** What starts, by the names that `status` shows. */
  parts: [name: string, start: () => Promise<void>][];
  importImage(path: string): Promise<string[]>;
  listImages(): Promise<ListedImage[]>;
  machines(): Promise<Machines>;
  /** Stops pods, containerd and network; images and volumes stay. */
  stop(): Promise<void>;
}

interface Deps {
  options: UpOptions;
  paths: Paths;
  plan: NetworkPlan;
  plane: ControlPlane;
  log: Logger;
  /** What containerd must know of the registry of an image (hosts.toml), by the host in its name; undefined: what it does anyway. */
  registryHosts?(host: string): string | undefined;
  /** Before a pull: puts what this machine has of the image into a content store of containerd. */
  shareBlobs?(image: string, contentStore: string): Promise<void> | undefined;
}

export function startContainers(deps: Deps): Containers {
  const { plan, plane, log } = deps;
  const network = startNetwork({
    client: plane.client,
    clock: systemClock,
    log: log.named('network'),
    instance: deps.paths.id,
    podCIDR: plan.podCIDR,
    serviceCIDR: plan.serviceCIDR,
    nodes: plan.nodes,
    dns: { serviceIP: plan.dnsIP, listenIP: firstNode(plan).ip },
  });
  const runtime = startRuntime(deps);
  const agents = runtime.then(({ runtimeOf }) => RealMachines.start(plan.nodes, (node, on) => startAgent(deps, on, node, network), runtimeOf));
  agents.catch(() => {}); // the part below tells of it
  const images = async (): Promise<Running> => runtime;
  return {
    parts: [
      ['network', () => connectNetwork(deps, network)],
      ['containerd', async () => void (await runtime)],
      ['node agents', async () => (await agents).ready()],
      ...(deps.options.preload
        ? ([['images', async () => preload(deps, deps.options.preload ?? '', (await images()).importImage)]] as [string, () => Promise<void>][])
        : []),
    ],
    importImage: async (path) => (await runtime).importImage(path),
    listImages: async () => (await runtime).listImages(),
    machines: () => agents,
    async stop() {
      const started = await agents.catch(() => undefined);
      await started?.stop({ stopPods: true, graceSeconds: 10 });
      await runtime.then((running) => running.shutdown()).catch((error: unknown) => log.error('containerd did not stop cleanly', { error }));
      await network.stop({ remove: true });
    },
  };
}

function firstNode(plan: NetworkPlan): NodePlan {
  const node = plan.nodes[0];
  if (!node) throw new UserError('--nodes 0 needs --runtime sim: with containers there is at least one node');
  return node;
}

/** Addresses, rules and DNS; then the API on the first node's address, where pods reach it. */
async function connectNetwork({ options, plan, plane }: Deps, network: Network): Promise<void> {
  const node = firstNode(plan);
  await plane.ready();
  await Promise.all([ensureKubernetesService(plane.api, plan, { ip: node.ip, port: options.kubePort }), ensureDnsService(plane.api, plan, node.ip)]);
  await network.ready();
  if (options.listen !== '0.0.0.0' && options.listen !== '::') await plane.listen(node.ip, options.kubePort);
}

interface Running {
  importImage(path: string): Promise<string[]>;
  listImages(): Promise<ListedImage[]>;
  shutdown(): Promise<void>;
  runtimeOf(node: string): Runtime;
}

/** The private containerd, started or adopted. */
async function startRuntime({ paths, plan, log, registryHosts, shareBlobs }: Deps): Promise<Running> {
  const { createCriRuntime, importImage, listImages, runtimeHandler, startContainerd, TaskEvents } = await import('#node');
  const containerdLog = log.named('containerd');
  const daemon = await startContainerd({
    dataDir: paths.containerd,
    runDir: join(paths.run, 'c'),
    instance: paths.id,
    nodes: plan.nodes,
    clock: systemClock,
    log: containerdLog,
  });
  const contentStore = join(paths.containerd, 'root', 'io.containerd.content.v1.content');
  const events = new TaskEvents(daemon.client, systemClock, containerdLog);
  return {
    importImage: (path) => importImage(daemon.client, path),
    listImages: async () => (await listImages(daemon.client)).map((i) => ({ id: i.id, tags: [...i.repoTags], sizeBytes: i.sizeBytes })),
    shutdown: () => daemon.shutdown(),
    runtimeOf: (node) =>
      createCriRuntime({
        client: daemon.client,
        events,
        node,
        runtimeHandler: runtimeHandler(node),
        cgroupRoot: daemon.cgroupRoot,
        version: daemon.version,
        clock: systemClock,
        log: log.named(node),
        beforePull(image) {
          writeHosts(join(paths.containerd, 'certs.d'), image, registryHosts);
          return shareBlobs?.(image, contentStore);
        },
      }),
  };
}

/** containerd reads the directory of a registry anew at every pull. */
function writeHosts(dir: string, image: string, registryHosts: Deps['registryHosts']): void {
  const host = image.slice(0, Math.max(0, image.indexOf('/')));
  const text = host === '' ? undefined : registryHosts?.(host);
  if (text === undefined) return;
  const file = join(dir, host, 'hosts.toml');
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  mkdirSync(join(dir, host), { recursive: true, mode: 0o700 });
  writeFileSync(file, text, { mode: 0o600 });
}

async function startAgent({ paths, plan, plane, log }: Deps, runtime: Runtime, node: NodePlan, network: Network): Promise<NodeAgent> {
  const { createCgroupManager, startNodeAgent } = await import('#node');
  const agent = startNodeAgent({
    client: plane.client,
    clock: systemClock,
    random: systemRandom,
    log: log.named(node.name),
    runtime,
    node: { name: node.name, hostname: node.name, podCIDR: node.podCIDR, internalIP: node.ip, capacity: nodeCapacity(plan.nodes.length) },
    dataDir: join(paths.pods, node.name),
    logDir: join(paths.podLogs, node.name),
    cgroups: createCgroupManager({ clock: systemClock, prefix: `batuta-${paths.id}` }),
    clusterDNS: plan.dnsIP,
    clusterDomain: 'cluster.local',
    kubernetesService: { host: plan.kubernetesIP, port: 443 },
    beforeStop: async (pod: V1Pod) => void (await network.withdrawn(pod.metadata?.uid ?? '')),
  });
  plane.addNodeStreams(node.name, agent.streams);
  return agent;
}

/** Imports every archive of a directory that has not been imported as it is now. */
async function preload({ paths, log }: Deps, dir: string, load: (path: string) => Promise<string[]>): Promise<void> {
  if (!existsSync(dir)) throw new UserError(`--preload ${dir}: no such directory`);
  const marker = join(paths.containerd, 'preloaded.json');
  const done = existsSync(marker) ? (JSON.parse(readFileSync(marker, 'utf8')) as Record<string, string>) : {};
  for (const name of readdirSync(dir).filter((f) => f.endsWith('.tar'))) {
    const path = join(dir, name);
    const stat = statSync(path);
    const stamp = `${stat.size} ${stat.mtimeMs}`;
    if (done[path] === stamp) continue;
    log.info('imported', { file: name, images: await load(path) });
    done[path] = stamp;
    writeFileSync(marker, JSON.stringify(done), { mode: 0o600 });
  }
}

/** Removes what a dead process left running, for `down`. */
export async function removeContainers(paths: Paths, record: InstanceRecord): Promise<void> {
  const { cleanup, createCgroupManager, removePodVolumes } = await import('#node');
  await cleanup({ dataDir: paths.containerd, clock: systemClock });
  await removePodVolumes(paths.pods);
  await createCgroupManager({ clock: systemClock, prefix: `batuta-${paths.id}` }).removeAll();
  const plan = planNetwork(record.slot, 0, 0);
  await removeNetwork({ instance: paths.id, podCIDR: plan.podCIDR, serviceCIDR: plan.serviceCIDR });
}

import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemClock, type Logger } from '#base';
import type { AwsEndpoint } from './aws.ts';
import type { InstanceRegistry } from './registry.ts';
import type { Containers } from './containers.ts';
import type { Status } from './commands.ts';
import type { Door, Identity } from './identity.ts';
import { listenControl } from './control.ts';
import { UserError } from './errors.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { afterRestore, instanceBackups } from './backup/instance.ts';
import { openStore } from './open-store.ts';
import type { StoreThread } from '#store';
import type { UpOptions } from './options.ts';
import { readRecord, startTicks, writeRecord, type InstanceRecord, type Paths } from './paths.ts';
import { planNetwork, type NetworkPlan } from './plan.ts';
import { portCheck, whyNoContainers } from './preflight.ts';
import type { WhyTarget } from './why.ts';
import { claimSlot } from './slot.ts';
import { chaosHandlers } from './chaos-handlers.ts';
import { together } from './machines.ts';
import { turn } from './turn.ts';
import { version } from './version.ts';

/** A running instance. */
export interface Instance {
  /** Resolves when everything is ready. */
  ready(): Promise<void>;
  status(): Status;
  /** Stops in order: agents, containers, network, API, store. Idempotent. */
  stop(): Promise<void>;
}

/** A part that `status` tells of. */
interface Component {
  name: string;
  ready: boolean;
  message?: string;
}

/**
 * Starts an instance. Resolves when the API answers; the rest goes on in parallel and `ready` tells when it
 * is done. `stopped` is called when a command over the control socket has stopped it.
 */
export async function startInstance(options: UpOptions, paths: Paths, log: Logger, hooks: { stopped(): void }, thread?: StoreThread): Promise<Instance> {
  const began = systemClock.now();
  const groups = options.simTemplate === undefined ? [] : await (await import('./sim-templates.ts')).readNodeTemplates(options.simTemplate);
  const record = await prepare(options, paths, log);
  const plan = planNetwork(record.slot, record.runtime === 'containerd' ? record.nodes : 0, record.simNodes + (record.runtime === 'sim' ? record.nodes : 0));
  const store = afterRestore(openStore(options, paths, log, thread), paths, log);
  store.catch(() => {}); // the control plane tells of it
  const { identity, door, url } = await openEntrance(options, paths, plan);
  // Everything heavy is loaded now, while the store's thread starts and first clients come.
  const plane = await import('./control-plane.ts')
    .then(({ startControlPlane }) => startControlPlane({ store, options, paths, plan, log, identity, door }))
    .catch((error: unknown) => {
      door.close();
      throw error;
    });
  log.info('the Kubernetes API answers', { url, ms: systemClock.now() - began });

  // From here on clients are served: what is loaded and started comes piece by piece, and they are answered between.
  await turn();
  const [{ describeNodes, nodesReady }, { startSimNodes }, { startStorage }] = await Promise.all([
    import('./nodes.ts'),
    import('./sim-nodes.ts'),
    import('./storage.ts'),
  ]);
  const components: Component[] = [{ name: 'api', ready: true }];
  const parts: Promise<void>[] = [];
  const part = (name: string, start: () => Promise<void>): void => {
    const component: Component = { name, ready: false };
    components.push(component);
    parts.push(
      start().then(
        () => void (component.ready = true),
        (error: unknown) => {
          component.message = error instanceof Error ? error.message : String(error);
          log.error(`${name} did not start`, { error });
          throw error;
        },
      ),
    );
  };

  let containers: Containers | undefined;
  let registry: InstanceRegistry | undefined;
  part('control plane', () => plane.ready());
  if (record.runtime === 'containerd') {
    const { startContainers } = await import('./containers.ts');
    await turn();
    containers = startContainers({
      options,
      paths,
      plan,
      plane,
      log,
      registryHosts: (host) => registry?.hostsOf(host),
      shareBlobs: (image, store) => registry?.share(image, store),
    });
    for (const [name, start] of containers.parts) part(name, start);
  } else {
    part('kubernetes service', async () => {
      const { ensureKubernetesService } = await import('./bootstrap.ts');
      await plane.ready();
      await ensureKubernetesService(plane.api, plan, { port: options.kubePort });
    });
  }
  await turn();
  const sims = startSimNodes({ plane, plan, log, paths, groups });
  if (plan.simNodes.length + groups.length > 0) part('simulated nodes', () => sims.ready());
  await turn();
  const storage = startStorage({ plane, plan, log, paths });
  part('storage', () => storage.ready());
  const registryStarts = turn()
    .then(() => import('./registry.ts'))
    .then(
      async ({ openRegistry }) =>
        void (registry = await openRegistry({ options, paths, log, client: plane.client, aws: () => awsStarts.then(() => (aws as AwsEndpoint).aws()) })),
    );
  part('registry', () => registryStarts);
  let aws: AwsEndpoint | undefined;
  const awsStarts = turn()
    .then(turn)
    .then(() => import('./aws.ts'))
    .then(async ({ openAwsEndpoint }) => {
      aws = await openAwsEndpoint({ options, paths, log, client: plane.client, issuer: plane.issuer, ecr: () => registryStarts.then(() => registry?.ecr()) });
      if (record.awsPort !== aws.port) writeRecord(paths, Object.assign(record, { awsPort: aws.port })); // for `env`
    });
  part('aws', () => awsStarts);
  const swapRegistry = async (work: () => void): Promise<void> => {
    await registryStarts;
    if (registry) registry.registry.replaceCatalog(work);
    else work();
  };
  const backups = instanceBackups({ paths, record, store, swapRegistry }, log.named('backup'));
  part('nodes', () => nodesReady(plane.client, plan.nodes.length + plan.simNodes.length));

  const all = Promise.all(parts).then(() => log.info('everything is ready', { ms: systemClock.now() - began }));
  all.catch(() => {}); // each failure is logged and shown by `status`; the API stays up

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll());
  async function stopAll(): Promise<void> {
    log.info('stopping');
    await backups.stop();
    await sims.stop();
    await storage.stop();
    await plane.stopLoops();
    await containers?.stop();
    await awsStarts.catch(() => {});
    await aws?.stop();
    await registryStarts.catch(() => {}); // its part tells of it
    await registry?.stop();
    await plane.stop();
    control.close();
    control.closeAllConnections();
    const { pid: _pid, startTicks: _ticks, ...rest } = record;
    writeRecord(paths, rest);
    rmSync(paths.run, { recursive: true, force: true });
    log.info('stopped; the state is kept', { dataDir: paths.data });
  }

  const status = (): Status => ({
    pid: process.pid,
    ready: components.every((c) => c.ready),
    version,
    dataDir: paths.data,
    endpoints: {
      kubernetes: url,
      aws: aws?.url ?? null,
      registry: registry ? `http://127.0.0.1:${registry.port}` : null,
      dashboard: null,
      loadBalancers: {},
    },
    nodes: describeNodes(plane.client),
    components: components.map((c) => ({ ...c })),
  });
  const control = await listenControl(paths.control, {
    status: async () => status(),
    down: async () => {
      void stop().then(hooks.stopped, (error: unknown) => {
        log.error('stopping failed', { error });
        hooks.stopped();
      });
      return { stopping: true };
    },
    'image-import': async (body) => ({ images: await needContainers(containers).importImage((body as { path: string }).path) }),
    ...chaosHandlers(plane, log, async () => together([...(containers ? [await containers.machines()] : []), await sims.machines()])),
    ...backups.handlers,
    'image-list': async () => needContainers(containers).listImages(),
    'aws-coverage': async () => {
      await awsStarts;
      return (await aws?.aws())?.coverage();
    },
    'registry-collect': async (body) => {
      await registryStarts;
      if (!registry) throw new UserError('this instance has no registry');
      return registry.registry.collect((body as { unusedMs?: number } | undefined)?.unusedMs);
    },
    'aws-reset': async () => {
      await awsStarts;
      await aws?.reset();
      return {};
    },
    why: async (body) => (await import('./why.ts')).explain(plane.client, await plane.placements(), body as WhyTarget),
  });
  return { ready: () => all, status, stop };
}

function needContainers(containers: Containers | undefined): Containers {
  if (!containers) throw new UserError('this instance has simulated nodes only: images need --runtime containerd');
  return containers;
}

/** Decides what to run, claims addresses, and writes down who we are. */
async function prepare(options: UpOptions, paths: Paths, log: Logger): Promise<InstanceRecord> {
  const previous = readRecord(paths);
  const why = options.runtime === 'sim' ? 'asked for' : whyNoContainers();
  if (options.runtime === 'containerd' && why) throw new UserError(`containers cannot run here: ${why}`);
  if (options.preload !== undefined && !existsSync(options.preload)) throw new UserError(`--preload ${options.preload}: no such directory`);
  const runtime = why === undefined ? 'containerd' : 'sim';
  if (runtime === 'sim' && options.runtime === 'auto') log.warn('nodes are simulated: containers cannot run here', { why });
  const nodes = options.nodes ?? previous?.nodes ?? 1;
  const simNodes = options.simNodes ?? previous?.simNodes ?? 0;
  const ports = [await portCheck(options.kubePort, options.listen, '--kube-port')];
  if (options.registryPort !== 0) ports.push(await portCheck(options.registryPort, '127.0.0.1', '--registry-port'));
  if (options.awsPort !== 0) ports.push(await portCheck(options.awsPort, '127.0.0.1', '--aws-port'));
  for (const port of ports) if (!port.ok) throw new UserError(`${port.name} ${port.detail}: ${port.fix}`);
  mkdirSync(paths.run, { recursive: true, mode: 0o700 });
  chmodSync(paths.run, 0o700);
  const ticks = startTicks(process.pid);
  const record: InstanceRecord = {
    id: paths.id,
    slot: runtime === 'containerd' ? claimSlot(paths, previous?.slot) : (previous?.slot ?? 0),
    pid: process.pid,
    ...(ticks === undefined ? {} : { startTicks: ticks }),
    kubePort: options.kubePort,
    awsPort: options.awsPort,
    account: options.account,
    listen: options.listen,
    runtime,
    nodes,
    simNodes,
    version,
  };
  writeRecord(paths, record);
  return record;
}

/** The port, and all that a client needs to come to it: long before the API is there to answer, so that who comes early waits for less. */
async function openEntrance(options: UpOptions, paths: Paths, plan: NetworkPlan): Promise<{ identity: Identity; door: Door; url: string }> {
  const { Door, openIdentity } = await import('./identity.ts');
  const door = await Door.open({ host: options.listen, port: options.kubePort });
  const identity = await openIdentity(paths, certificateNames(options, plan));
  const shown = options.listen === '0.0.0.0' || options.listen === '::' ? '127.0.0.1' : options.listen;
  const url = `https://${shown.includes(':') ? `[${shown}]` : shown}:${options.kubePort}`;
  writeKubeconfig(options, paths, url, identity);
  return { identity, door, url };
}

/** Every name and address that clients reach the API by. */
function certificateNames(options: UpOptions, plan: NetworkPlan): string[] {
  const wildcard = options.listen === '0.0.0.0' || options.listen === '::';
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const ips = ['127.0.0.1', '::1', plan.kubernetesIP, ...plan.nodes.map((n) => n.ip), ...(wildcard ? [] : [options.listen])];
  return ['localhost', ...service, hostname().toLowerCase(), ...new Set(ips)];
}

function writeKubeconfig(options: UpOptions, paths: Paths, server: string, { pki, admin }: Identity): void {
  const name = `batuta${options.name && options.name !== 'default' ? `-${options.name}` : ''}`;
  writeFileSync(paths.kubeconfig, renderKubeconfig({ server, name, caPem: pki.ca.cert, certPem: admin.cert, keyPem: admin.key }), { mode: 0o600 });
}

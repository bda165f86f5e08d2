import type { V1EphemeralContainer } from '#kinds';
import { claimProblem } from './claims.ts';
import { buildContainerSpec, writeHostsFile } from './container-spec.ts';
import { ConfigError } from './env.ts';
import { StartError } from './images.ts';
import { runHook } from './lifecycle.ts';
import { latestContainer, nextBackoff, type StartAction } from './plan.ts';
import { findContainer } from './pod.ts';
import { RuntimeError, type ImageState, type SandboxState } from './runtime.ts';
import { checkRuntimeClass } from './runtime-class.ts';
import { buildSandboxSpec } from './sandbox-spec.ts';
import { killContainer } from './stop.ts';
import type { PodWorker } from './worker.ts';

/** How soon devices that cannot be prepared are looked at again, ms. */
const claimsMs = 10_000;

type Images = Map<string, Promise<ImageState | StartError>>;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Sandbox, volumes and images side by side, then the containers. Gives ms until it makes sense to try again. */
export async function createSandbox(
  worker: PodWorker,
  plan: { attempt: number; stopFirst: string[] },
  starts: readonly StartAction[],
): Promise<number | undefined> {
  const { context } = worker;
  const problem =
    worker.pod.spec?.resourceClaims?.length || worker.pod.status?.extendedResourceClaimStatus ? await claimProblem(context, worker.pod) : undefined;
  if (problem !== undefined) {
    worker.event('Warning', 'FailedPrepareDynamicResources', `Failed to prepare dynamic resources: ${problem}`);
    return worker.block([''], claimsMs);
  }
  const images = ensureImages(worker, starts);
  const volumes = ensureVolumes(worker);
  try {
    worker.starting = true;
    for (const id of plan.stopFirst) await context.runtime.sandboxes.stop(id);
    if (plan.stopFirst.length > 0) worker.event('Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    await checkRuntimeClass(worker.pod, context.objects, context.runtime);
    const parent = context.cgroups?.create(worker.resize.granted(worker.pod)) ?? '';
    const { id, ips } = await context.runtime.sandboxes.run(buildSandboxSpec(context, worker.pod, plan.attempt, parent));
    worker.sandboxFailures = 0;
    noteSandbox(worker, plan.attempt, id, ips);
  } catch (error) {
    await Promise.allSettled([volumes, ...images.values()]);
    worker.event('Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${textOf(error)}`);
    return worker.block([''], Math.min(60_000, 1000 * 2 ** Math.min(worker.sandboxFailures++, 6)));
  } finally {
    worker.starting = false;
  }
  return startInSandbox(worker, starts, images, volumes);
}
/** The new sandbox is known at once, without asking the runtime. */
function noteSandbox(worker: PodWorker, attempt: number, id: string, ips: string[]): void {
  const { pod, uid, context } = worker;
  const fresh = {
    id,
    podUid: uid,
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    attempt,
    ready: true,
    ips,
    createdAt: context.clock.now(),
    labels: {},
    annotations: {},
    containers: [],
  };
  worker.sandboxes = [fresh, ...worker.sandboxes.filter((s) => s.id !== id).map((s) => ({ ...s, ready: false }))];
}

/** Starts containers in the present sandbox. Gives ms until it makes sense to try again. */
export async function startContainers(worker: PodWorker, starts: readonly StartAction[]): Promise<number | undefined> {
  const volumes = ensureVolumes(worker);
  // Volumes that failed before may fail again: no image events each time.
  const retry = worker.volumes.failures > 0 ? await volumes : undefined;
  if (retry !== undefined)
    return worker.block(
      starts.map((s) => s.name),
      retry,
    );
  return startInSandbox(worker, starts, ensureImages(worker, starts), volumes);
}

function ensureImages(worker: PodWorker, starts: readonly StartAction[]): Images {
  const images: Images = new Map();
  for (const { name } of starts) {
    const container = findContainer(worker.pod, name)?.container;
    if (!container) continue;
    const emit = (type: 'Normal' | 'Warning', reason: string, message: string): void => worker.event(type, reason, message, name);
    images.set(
      name,
      worker.context.images
        .ensure(worker.pod, container, emit, worker.signal)
        .catch((error: unknown) => (error instanceof StartError ? error : new StartError('ImageInspectError', textOf(error)))),
    );
  }
  return images;
}

/** Makes the volumes; undefined when done, else the wait until the next try. */
async function ensureVolumes(worker: PodWorker): Promise<number | undefined> {
  try {
    await worker.volumes.setup();
    return undefined;
  } catch (error) {
    worker.event('Warning', 'FailedMount', textOf(error));
    return Math.min(30_000, 500 * 2 ** Math.min(worker.volumes.failures - 1, 6));
  }
}

async function startInSandbox(
  worker: PodWorker,
  starts: readonly StartAction[],
  images: Images,
  volumes: Promise<number | undefined>,
): Promise<number | undefined> {
  const [retry] = await Promise.all([volumes, writeHostsFile(worker.context, worker.pod, worker.podIPs())]);
  if (retry !== undefined) {
    await Promise.all(images.values());
    return worker.block(
      starts.map((s) => s.name),
      retry,
    );
  }
  const hooks = starts.some((s) => findContainer(worker.pod, s.name)?.container.lifecycle?.postStart);
  const retries: (number | undefined)[] = [];
  if (hooks) for (const start of starts) retries.push(await startOne(worker, start, images));
  else retries.push(...(await Promise.all(starts.map((start) => startOne(worker, start, images)))));
  const waits = retries.filter((r) => r !== undefined);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/** One container from image to started. Failures become its waiting state. */
async function startOne(worker: PodWorker, action: StartAction, images: Images): Promise<number | undefined> {
  if (worker.deleting) return undefined;
  if (action.again) countRestart(worker, action.name);
  try {
    const image = await images.get(action.name);
    if (!image || worker.deleting) return undefined;
    if (image instanceof StartError) throw image;
    await createAndStart(worker, action, image);
    worker.waiting.delete(action.name);
    worker.blocked.delete(action.name);
    return undefined;
  } catch (error) {
    if (worker.deleting) return undefined;
    const failure = classify(error);
    worker.waiting.set(action.name, { reason: failure.reason, message: failure.message });
    if (failure.reason.startsWith('Create') || failure.reason.startsWith('Run')) worker.event('Warning', 'Failed', `Error: ${failure.message}`, action.name);
    return worker.block([action.name], failure.retryMs);
  }
}
function countRestart(worker: PodWorker, name: string): void {
  const last = latestContainer(worker.sandboxes, name);
  if (last) worker.backoffs.set(name, nextBackoff(worker.backoffs.get(name), last.finishedAt, worker.context.clock.now()));
}
function classify(error: unknown): StartError {
  if (error instanceof StartError) return error;
  if (error instanceof ConfigError) return new StartError('CreateContainerConfigError', error.message);
  if (error instanceof RuntimeError) {
    // A container that could not be started has ended: the next try is a restart, and the crash-loop back-off spaces those.
    if (error.code === 'start') return new StartError('RunContainerError', error.message, 1000);
    if (error.code === 'unavailable') return new StartError('CreateContainerError', error.message, 2000);
  }
  return new StartError('CreateContainerError', textOf(error));
}

/** Id of the container that an ephemeral one is to look into. It has to run. */
function targetOf(container: V1EphemeralContainer, sandbox: SandboxState): string | undefined {
  const name = container.targetContainerName;
  if (!name) return undefined;
  const target = latestContainer([sandbox], name);
  if (target?.state !== 'running') throw new ConfigError(`unable to find target container ${name}`);
  return target.id;
}

async function createAndStart(worker: PodWorker, action: StartAction, image: ImageState): Promise<void> {
  const { context } = worker;
  const pod = worker.resize.granted(worker.pod);
  const container = findContainer(pod, action.name)?.container;
  const sandbox = worker.sandboxes[0];
  if (!container || !sandbox) return;
  const wanted = await buildContainerSpec(context, {
    pod,
    container,
    attempt: action.attempt,
    image,
    facts: worker.facts(),
    volumePaths: worker.volumes.paths,
  });
  const target = targetOf(container, sandbox);
  const spec = target === undefined ? wanted : { ...wanted, processesOf: target };
  worker.starting = true;
  let id: string;
  try {
    id = await context.runtime.containers.create(sandbox.id, spec);
    worker.event('Normal', 'Created', `Created container: ${action.name}`, action.name);
    await context.runtime.containers.start(id);
    worker.resize.restarting.delete(action.name);
    worker.resize.done(action.name);
    worker.event('Normal', 'Started', `Started container ${action.name}`, action.name);
  } finally {
    worker.starting = false;
  }
  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  try {
    await runHook(hook, { container, containerId: id, podIP: worker.podIPs()[0] ?? '' }, context.runtime, context.clock, worker.signal);
  } catch (error) {
    worker.event('Warning', 'FailedPostStartHook', `PostStartHook failed: ${textOf(error)}`, action.name);
    await killContainer(worker, { id, name: action.name, message: 'FailedPostStartHook', reason: 'unknown' });
    throw new StartError('PostStartHookError', textOf(error));
  }
}

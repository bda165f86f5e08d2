import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '#base';
import { Pod } from '#kinds';
import { isApiError } from '#machinery';
import { runHook } from './lifecycle.ts';
import type { KillAction } from './plan.ts';
import { findContainer, gracePeriodSeconds, isPodReady, nameOf, namespaceOf, sidecars } from './pod.ts';
import type { ContainerState } from './runtime.ts';
import { podLogDirectory } from './sandbox-spec.ts';
import type { PodWorker } from './worker.ts';

/** Even when a hook used up the grace period, the main process gets this long after its signal (kubelet). */
const leastGraceSeconds = 2;

/** Ends a pod that is being deleted (or is gone already), gives everything back and deletes the object. Safe to repeat. */
export async function terminate(worker: PodWorker): Promise<void> {
  const { context } = worker;
  if (worker.stoppingSince === undefined) {
    worker.stoppingSince = context.clock.now();
    worker.prober.terminating();
    await withdraw(worker);
  }
  await worker.refresh();
  await stopEverything(worker);
  worker.prober.stop();
  await worker.refresh();
  worker.over = true;
  if (!worker.removed) await worker.writeStatus();
  await Promise.all([worker.volumes.teardown(), context.cgroups?.remove(worker.uid)]);
  if (!worker.removed) await deleteObject(worker);
  await removeSandboxes(worker);
  await context.cgroups?.remove(worker.uid);
  worker.finish();
}

/** Takes the pod out of service before anything is signalled; never longer than the grace period. */
async function withdraw(worker: PodWorker): Promise<void> {
  const wasReady = isPodReady(worker.pod);
  if (!wasReady) return;
  const reported = worker.writeStatus().catch(() => {});
  const { beforeStop, clock } = worker.context;
  if (!beforeStop || !worker.sandboxes.some((s) => s.ready)) return;
  const stopWaiting = new AbortController();
  await Promise.race([
    Promise.all([reported, beforeStop(worker.pod)]).catch((error: unknown) => worker.context.log.warn('waiting for the endpoints failed', { error })),
    sleep(clock, gracePeriodSeconds(worker.pod) * 1000, stopWaiting.signal),
  ]);
  stopWaiting.abort();
}

/** All containers (main ones together, then sidecars in reverse order), then the sandboxes. */
export async function stopEverything(worker: PodWorker): Promise<void> {
  worker.stoppingSince ??= worker.context.clock.now();
  const order = sidecars(worker.pod).map((c) => c.name);
  const running = worker.sandboxes.flatMap((s) => s.containers).filter((c) => c.state === 'running' || c.state === 'unknown');
  const message = (c: ContainerState): string => `Stopping container ${c.name}`;
  const kill = (c: ContainerState): Promise<void> => killContainer(worker, { id: c.id, name: c.name, message: message(c), reason: 'unknown' });
  await Promise.all(running.filter((c) => !order.includes(c.name)).map(kill));
  for (const name of order.toReversed()) await Promise.all(running.filter((c) => c.name === name).map(kill));
  await Promise.all(worker.sandboxes.filter((s) => s.ready || running.length > 0).map((s) => worker.context.runtime.sandboxes.stop(s.id)));
}

/** preStop, the stop signal, the grace period, SIGKILL. Resolves when the container is dead. */
export async function killContainer(worker: PodWorker, kill: KillAction): Promise<void> {
  const { context } = worker;
  const container = findContainer(worker.pod, kill.name)?.container;
  const begun = worker.stoppingSince ?? context.clock.now();
  worker.event('Normal', 'Killing', kill.message, kill.name);
  const left = (): number => Math.max(0, graceOf(worker, kill) - (context.clock.now() - begun) / 1000);
  const hook = container?.lifecycle?.preStop;
  if (hook && container && left() > 0 && !worker.hooked.has(kill.id)) {
    worker.hooked.add(kill.id);
    const target = { container, containerId: kill.id, podIP: worker.podIPs()[0] ?? '' };
    const enough = new AbortController();
    const unlisten = worker.onShorterGrace(() => left() <= 0 && enough.abort());
    const failed = (error: unknown): void =>
      worker.event('Warning', 'FailedPreStopHook', `PreStopHook failed: ${error instanceof Error ? error.message : String(error)}`, kill.name);
    await Promise.race([
      runHook(hook, target, context.runtime, context.clock, enough.signal).catch(failed),
      sleep(context.clock, left() * 1000, enough.signal),
    ]);
    unlisten();
    enough.abort();
  }
  await stopWithin(worker, kill.id, () => Math.ceil(left()), hook !== undefined);
}
function graceOf(worker: PodWorker, kill: KillAction): number {
  const grace = worker.grace();
  if (worker.deleting || (kill.reason !== 'liveness' && kill.reason !== 'startup')) return grace;
  const container = findContainer(worker.pod, kill.name)?.container;
  const probe = kill.reason === 'liveness' ? container?.livenessProbe : container?.startupProbe;
  return probe?.terminationGracePeriodSeconds ?? grace;
}
/** A shorter grace period that arrives meanwhile counts at once. */
async function stopWithin(worker: PodWorker, id: string, left: () => number, hooked: boolean): Promise<void> {
  const { containers } = worker.context.runtime;
  const grace = (): number => (hooked ? Math.max(leastGraceSeconds, left()) : left());
  const sooner: Promise<void>[] = [];
  const unlisten = worker.onShorterGrace(() => void sooner.push(containers.stop(id, left()).catch(() => {})));
  try {
    await containers.stop(id, grace());
    await Promise.all(sooner);
  } finally {
    unlisten();
  }
}

async function deleteObject(worker: PodWorker): Promise<void> {
  try {
    await worker.context.client.api.delete(
      Pod,
      { namespace: namespaceOf(worker.pod), name: nameOf(worker.pod) },
      { gracePeriodSeconds: 0, preconditions: { uid: worker.uid } },
    );
  } catch (error) {
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
  }
}
async function removeSandboxes(worker: PodWorker): Promise<void> {
  const { context } = worker;
  await Promise.all(
    worker.sandboxes.map(async (s) => {
      await Promise.all(s.containers.map((c) => context.runtime.containers.remove(c.id)));
      await context.runtime.sandboxes.remove(s.id);
    }),
  );
  if (context.volumes) await rm(join(context.logDir, podLogDirectory(worker.pod)), { recursive: true, force: true });
}

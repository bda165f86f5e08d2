/** Jobs, and a hand that ends their pods, for the tests of this folder. */
import assert from 'node:assert/strict';
import { formatTime } from '#base';
import { Job, Pod, type V1Job, type V1JobSpec, type V1Pod } from '#kinds';
import type { FakeWrite } from '#client';
import type { ApiError } from '#machinery';
import { createWorld, type World } from '../testing/world.ts';
import { isPodActive } from '../pods.ts';
import { jobController } from './job.ts';
import { jobOrphanController } from './orphans.ts';
import { ttlAfterFinishedController } from './ttl.ts';

export const jobControllers = [jobController, jobOrphanController, ttlAfterFinishedController];

/** A world in which a status that the real API would refuse fails the test. */
export function jobWorld(): World {
  const world = createWorld(jobControllers);
  world.api.refuse = checkStatus(world);
  return world;
}
export const checkStatus =
  (world: Pick<World, 'api'>) =>
  (write: FakeWrite): ApiError | undefined => {
    if (write.kind !== 'Job' || write.subresource !== 'status') return undefined;
    const old = world.api.all(Job, write.namespace).find((job) => job.metadata?.name === write.name);
    const next = write.body as V1Job;
    if (old && old.metadata?.resourceVersion === next.metadata?.resourceVersion)
      assert.deepEqual(Job.validateStatus?.({ ...old, status: next.status ?? {} }, old), []);
    return undefined;
  };

export function jobOf(spec: Partial<V1JobSpec> = {}, name = 'work'): V1Job {
  const { restartPolicy = 'Never', ...rest } = spec as Partial<V1JobSpec> & { restartPolicy?: string };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'default' },
    spec: { template: { spec: { restartPolicy, containers: [{ name: 'app', image: 'busybox:1' }] } }, ...rest },
  };
}
export const onFailure = { template: { spec: { restartPolicy: 'OnFailure', containers: [{ name: 'app', image: 'busybox:1' }] } } };

export const theJob = (world: Pick<World, 'api'>): V1Job => world.api.all(Job)[0] as V1Job;
export const livePods = (world: Pick<World, 'api'>): V1Pod[] => world.api.all(Pod).filter(isPodActive);

/** Binds a pod and makes it ready. */
export function startPod(world: Pick<World, 'api' | 'clock'>, pod: V1Pod): void {
  world.api.edit(Pod, pod.metadata?.namespace, pod.metadata?.name ?? '', (p) => {
    p.spec = { containers: [], ...p.spec, nodeName: 'node-1' };
    p.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: formatTime(world.clock.now()) }] };
  });
}
/** Ends the container of a pod. */
export function endPod(world: Pick<World, 'api' | 'clock'>, pod: V1Pod, exitCode: number, conditions: string[] = []): void {
  const finishedAt = formatTime(world.clock.now());
  world.api.edit(Pod, pod.metadata?.namespace, pod.metadata?.name ?? '', (p) => {
    p.status = {
      phase: exitCode === 0 ? 'Succeeded' : 'Failed',
      conditions: conditions.map((type) => ({ type, status: 'True' })),
      containerStatuses: [{ name: 'app', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode, finishedAt } } }],
    };
  });
}
/** What the node does when a deleted pod has ended. */
export async function finishDeletion(world: Pick<World, 'api'>): Promise<void> {
  for (const pod of world.api.all(Pod))
    if (pod.metadata?.deletionTimestamp)
      await world.api.delete(Pod, { namespace: pod.metadata.namespace, name: pod.metadata.name ?? '' }, { gracePeriodSeconds: 0 });
}
/** The conditions that hold: `Complete/CompletionsReached`. */
export const conditionsOf = (job: V1Job): string[] =>
  (job.status?.conditions ?? []).filter((c) => c.status === 'True').map((c) => `${c.type}/${c.reason ?? ''}`);
/** Counters of a status: active, ready, terminating, succeeded, failed. */
export const countsOf = ({ status }: V1Job): number[] => [
  status?.active ?? 0,
  status?.ready ?? 0,
  status?.terminating ?? 0,
  status?.succeeded ?? 0,
  status?.failed ?? 0,
];

import { join } from 'node:path';
import { ApiError, badRequest, type LogOptions, type NodeStreams, type StreamTarget } from '#machinery';
import { logPath } from './container-spec.ts';
import type { AgentContext } from './context.ts';
import { Printer, readLog } from './logs/reader.ts';
import { latestContainer } from './plan.ts';
import { findContainer, nameOf, specOf } from './pod.ts';
import type { ContainerState, LogSource, Runtime, Streaming, StreamRuntime } from './runtime.ts';
import { podLogDirectory } from './sandbox-spec.ts';
import type { PodWorker } from './worker.ts';

export interface StreamDeps {
  context: AgentContext;
  worker(target: { namespace: string; name: string; uid: string }): PodWorker | undefined;
}

/** Logs, exec, attach and port-forward of the pods of this node, with kubelet's errors. */
export function createStreams({ context, worker: find }: StreamDeps): NodeStreams {
  const runtime = context.runtime as Runtime & Partial<Streaming> & Partial<LogSource>;
  const workerOf = (target: { namespace: string; name: string; uid: string }): PodWorker => {
    const worker = find(target);
    if (!worker) throw new ApiError('NotFound', `pods "${target.name}" not found`, { name: target.name, kind: 'pods' });
    return worker;
  };
  const streamsOf = (): StreamRuntime => {
    if (!runtime.streams)
      throw new ApiError(
        'NotImplemented',
        `the runtime "${runtime.name}" of node ${context.nodeName} runs no processes: exec, attach and port-forward need a node with containerd`,
      );
    return runtime.streams;
  };
  return {
    async logs(target, options, signal) {
      const worker = workerOf(target);
      const container = containerForLogs(worker, options);
      if (runtime.logs) return printed(await runtime.logs(container.id), options);
      const path = join(context.logDir, podLogDirectory(worker.pod), logPath(container.name, container.attempt));
      const alive = (): boolean => !worker.finished && stateById(worker, container.id)?.state === 'running';
      return readLog(path, options, context.clock, alive, signal);
    },
    async exec(target, options, request, socket, head) {
      const id = runningContainer(workerOf(target), target).id;
      await streamsOf().exec(id, options, request, socket, head);
    },
    async attach(target, options, request, socket, head) {
      const worker = workerOf(target);
      const { id } = runningContainer(worker, target);
      const container = findContainer(worker.pod, target.container)?.container;
      const tty = container?.tty ?? options.tty;
      await streamsOf().attach(id, { ...options, tty, stderr: options.stderr && !tty }, request, socket, head);
    },
    async portForward(target, ports, request, socket, head) {
      const sandbox = workerOf(target).sandboxes[0];
      if (!sandbox?.ready) throw new ApiError('NotFound', `no running sandbox of pod "${target.name}"`, { name: target.name, kind: 'pods' });
      await streamsOf().portForward(sandbox.id, ports, request, socket, head);
    },
  };
}

const stateById = (worker: PodWorker, id: string): ContainerState | undefined => worker.sandboxes.flatMap((s) => s.containers).find((c) => c.id === id);

function runningContainer(worker: PodWorker, target: StreamTarget): ContainerState {
  const name = target.container || specOf(worker.pod).containers[0]?.name || '';
  const state = latestContainer(worker.sandboxes, name);
  if (!findContainer(worker.pod, name) || !state) throw new ApiError('NotFound', `container not found ("${name}")`);
  if (state.state !== 'running') throw new ApiError('InternalError', `container ${name} of pod ${nameOf(worker.pod)} is not running: it is ${state.state}`);
  return state;
}

/** kubelet's validateContainerLogStatus. */
function containerForLogs(worker: PodWorker, options: LogOptions): ContainerState {
  const pod = nameOf(worker.pod);
  const name = options.container || specOf(worker.pod).containers[0]?.name || '';
  const newest = latestContainer(worker.sandboxes, name);
  if (!findContainer(worker.pod, name)) throw badRequest(`container ${name} is not valid for pod ${pod}`);
  if (options.previous) {
    const all = worker.sandboxes.flatMap((s) => s.containers).filter((c) => c.name === name && c.state === 'exited');
    const waiting = newest?.state === 'exited' && worker.waiting.has(name);
    const previous = waiting ? newest : all.filter((c) => c.attempt < (newest?.attempt ?? 0)).sort((a, b) => b.attempt - a.attempt)[0];
    if (!previous) throw badRequest(`previous terminated container "${name}" in pod "${pod}" not found`);
    return previous;
  }
  if (newest && newest.state !== 'created') return newest;
  const reason =
    worker.waiting.get(name)?.reason ??
    (worker.sandboxes.length > 0 && (worker.pod.spec?.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating');
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff')
    throw badRequest(
      `container "${name}" in pod "${pod}" is waiting to start: ${reason === 'ErrImagePull' ? "image can't be pulled" : 'trying and failing to pull image'}`,
    );
  throw badRequest(`container "${name}" in pod "${pod}" is waiting to start: ${reason}`);
}

async function* printed(text: string, options: LogOptions): AsyncIterable<Uint8Array> {
  yield new Printer(options).push(Buffer.from(text));
}

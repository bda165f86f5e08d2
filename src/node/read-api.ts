import { formatTime } from '#base';
import { isApiError, type LogOptions, type NodeHttpRequest, type NodeHttpResponse, type NodeStreams } from '#machinery';
import type { AgentContext } from './context.ts';
import { latestContainer } from './plan.ts';
import { nameOf, namespaceOf, specOf, uidOf } from './pod.ts';
import type { Measured, Runtime } from './runtime.ts';
import type { PodWorker } from './worker.ts';

export interface ReadApiDeps {
  readonly context: AgentContext;
  readonly workers: () => readonly PodWorker[];
  readonly logs: NodeStreams['logs'];
}

const text = (body: string, code = 200): NodeHttpResponse => ({ code, type: 'text/plain; charset=utf-8', body });
const json = (value: unknown): NodeHttpResponse => ({ code: 200, type: 'application/json', body: JSON.stringify(value) });

/** What a kubelet says of itself over HTTP, as far as it is known here; all else is 404, as there. */
export function createReadApi(deps: ReadApiDeps): NonNullable<NodeStreams['http']> {
  return (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return Promise.resolve(text('Method Not Allowed\n', 405));
    return answer(
      deps,
      request,
      request.path.split('/').filter((part) => part !== ''),
    );
  };
}

async function answer(deps: ReadApiDeps, request: NodeHttpRequest, path: readonly string[]): Promise<NodeHttpResponse> {
  switch (path[0]) {
    case 'healthz':
      return path.length === 1 || path[1] === 'ping' || path[1] === 'syncloop' ? text('ok') : notFound();
    case 'pods':
      return path.length === 1 ? json(podList(deps.workers())) : notFound();
    case 'runningpods':
      return path.length === 1 ? json(podList(deps.workers().filter((worker) => worker.sandboxes.some((sandbox) => sandbox.ready)))) : notFound();
    case 'configz':
      return path.length === 1 ? json(configuration(deps.context)) : notFound();
    case 'stats':
      return path[1] === 'summary' ? json(await summary(deps)) : notFound();
    case 'containerLogs':
      return path.length === 4 ? containerLogs(deps, request, path as [string, string, string, string]) : notFound();
    default:
      return notFound();
  }
}
const notFound = (): NodeHttpResponse => text('404 page not found\n', 404);

function podList(workers: readonly PodWorker[]): object {
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: workers.map((worker) => worker.pod) };
}
function configuration({ clusterDNS, clusterDomain, maxPods }: AgentContext): object {
  return {
    kubeletconfig: {
      kind: 'KubeletConfiguration',
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      clusterDomain,
      clusterDNS: clusterDNS ? [clusterDNS] : [],
      maxPods,
    },
  };
}

/** stats.v1alpha1 Summary: what the runtime measures; nothing is made up where it does not measure. */
async function summary({ context, workers }: ReadApiDeps): Promise<object> {
  const runtime = context.runtime as Runtime & Partial<Measured>;
  const pods = runtime.stats ? await Promise.all(workers().map((worker) => podStats(runtime as Runtime & Measured, worker, context))) : [];
  return { node: { nodeName: context.nodeName }, pods };
}
async function podStats(runtime: Measured, worker: PodWorker, { clock }: AgentContext): Promise<object> {
  const { pod } = worker;
  const names = specOf(pod).containers.map(({ name }) => name);
  const running = names.flatMap((name) => latestContainer(worker.sandboxes, name) ?? []).filter(({ state }) => state === 'running');
  const containers = await Promise.all(
    running.map(async ({ id, name }) => {
      const { cpuNanoseconds, memoryWorkingSetBytes } = await runtime.stats(id);
      const time = formatTime(clock.now());
      return { name, cpu: { time, usageCoreNanoSeconds: cpuNanoseconds }, memory: { time, workingSetBytes: memoryWorkingSetBytes } };
    }),
  );
  return { podRef: { name: nameOf(pod), namespace: namespaceOf(pod), uid: uidOf(pod) }, containers };
}

async function containerLogs({ logs }: ReadApiDeps, { query, signal }: NodeHttpRequest, path: [string, string, string, string]): Promise<NodeHttpResponse> {
  const [, namespace, name, container] = path;
  const on = (key: string): boolean => query.get(key) === 'true' || query.get(key) === '1';
  const tail = Number(query.get('tailLines') ?? Number.NaN);
  const options: LogOptions = {
    container,
    follow: on('follow'),
    previous: on('previous'),
    timestamps: on('timestamps'),
    ...(Number.isInteger(tail) && tail >= 0 ? { tailLines: tail } : {}),
  };
  try {
    return { code: 200, type: 'text/plain', body: await logs({ namespace, name, uid: '', container }, options, signal) };
  } catch (error) {
    if (!isApiError(error)) throw error;
    return text(`${error.message}\n`, error.code);
  }
}

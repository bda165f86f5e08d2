import { isApiError, type LogOptions, type NodeHttpRequest, type NodeHttpResponse, type NodeStreams, type NodeUsage, type UsageMeter } from '#machinery';
import type { AgentContext } from './context.ts';
import { agentPage, cadvisorPage, resourcePage, summary, type Machine } from './stats/pages.ts';
import type { RateKeeper } from './stats/rates.ts';
import type { PodWorker } from './worker.ts';

export interface ReadApiDeps {
  readonly context: AgentContext;
  readonly workers: () => readonly PodWorker[];
  readonly logs: NodeStreams['logs'];
  readonly meter: UsageMeter | undefined;
  readonly rates: RateKeeper | undefined;
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
    case 'stats': {
      if (path.length !== 2 || path[1] !== 'summary' || !deps.rates) return notFound();
      const { usage, rates } = await deps.rates.measure();
      return json(summary(usage, machineOf(deps.context), rates));
    }
    case 'metrics':
      return path.length < 3 ? metrics(deps, path[1]) : notFound();
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

/** Undefined where nobody measures. */
async function measured({ meter }: ReadApiDeps, page: (usage: NodeUsage) => string): Promise<NodeHttpResponse> {
  return meter ? text(page(await meter.measure())) : notFound();
}
function machineOf({ nodeName, allocatable }: AgentContext): Machine {
  return { nodeName, cores: allocatable.cpu, memoryBytes: allocatable.memory };
}
function metrics(deps: ReadApiDeps, page: string | undefined): NodeHttpResponse | Promise<NodeHttpResponse> {
  switch (page) {
    case undefined: {
      const sandboxes = deps.workers().flatMap((worker) => worker.sandboxes.filter(({ ready }) => ready));
      const containers = sandboxes.flatMap((sandbox) => sandbox.containers.filter(({ state }) => state === 'running'));
      return text(agentPage(sandboxes.length, containers.length, deps.context.nodeName));
    }
    case 'resource':
      return measured(deps, resourcePage);
    case 'cadvisor':
      return measured(deps, (usage) => cadvisorPage(usage, machineOf(deps.context)));
    default:
      return notFound();
  }
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

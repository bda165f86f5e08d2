import { ApiError, badRequest, notFound, type KubeObject, type LogOptions, type NodeStreams, type StreamTarget } from '#machinery';
import type { StreamHandler, StreamRequest } from '../types.ts';

interface Named {
  name: string;
}
interface ContainerStatus {
  name: string;
  state?: { waiting?: { reason?: string }; running?: object; terminated?: object };
  lastState?: { terminated?: object };
}
interface Pod extends KubeObject {
  spec?: { nodeName?: string; containers?: Named[]; initContainers?: Named[]; ephemeralContainers?: Named[] };
  status?: { containerStatuses?: ContainerStatus[]; initContainerStatuses?: ContainerStatus[]; ephemeralContainerStatuses?: ContainerStatus[] };
}
const defaultContainer = 'kubectl.kubernetes.io/default-container';
const isPods = (kind: { group: string; plural: string }): boolean => kind.group === '' && kind.plural === 'pods';

/** pods/log, exec, attach and portforward: found here, served by the node that runs the pod. */
export function podStreams(): StreamHandler[] {
  return [
    { name: 'log', handles: isPods, read: readLogs },
    {
      name: 'exec',
      handles: isPods,
      async upgrade(request, message, socket, head) {
        const pod = podOf(request);
        const target = running(pod, request);
        const command = request.query.getAll('command');
        if (command.length === 0) throw badRequest('you must specify at least one command for the container');
        await node(pod, request).exec(target, { command, ...streamsOf(request.query) }, message, socket, head);
      },
    },
    {
      name: 'attach',
      handles: isPods,
      async upgrade(request, message, socket, head) {
        const pod = podOf(request);
        await node(pod, request).attach(running(pod, request), streamsOf(request.query), message, socket, head);
      },
    },
    {
      name: 'portforward',
      handles: isPods,
      async upgrade(request, message, socket, head) {
        const pod = podOf(request);
        const ports = request.query
          .getAll('ports')
          .flatMap((text) => text.split(','))
          .map(Number);
        if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65535)) throw badRequest('ports must be numbers from 1 to 65535');
        const { namespace, name, uid } = identity(pod);
        await node(pod, request).portForward({ namespace, name, uid }, ports, message, socket, head);
      },
    },
  ];
}

function readLogs(request: StreamRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const pod = podOf(request);
  const container = chooseContainer(pod, request.query);
  const options = logOptions(request, container);
  if (!pod.spec?.nodeName) return Promise.resolve(nothing());
  checkStarted(pod, container, options.previous);
  return node(pod, request).logs({ ...identity(pod), container }, options, signal);
}
/** A pod without a node has no logs yet: an empty answer, as kube-apiserver gives. */
async function* nothing(): AsyncGenerator<Uint8Array> {}

function podOf({ kind, key, reader }: StreamRequest): Pod {
  const pod = reader.get('', 'pods', key.namespace, key.name);
  if (!pod) throw notFound(kind, key.name);
  return pod;
}
function identity({ metadata }: Pod): { namespace: string; name: string; uid: string } {
  return { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '', uid: metadata?.uid ?? '' };
}
function node(pod: Pod, { nodeStreams }: StreamRequest): NodeStreams {
  const name = pod.spec?.nodeName ?? '';
  if (!name) throw badRequest(`pod ${pod.metadata?.name} does not have a host assigned`);
  const streams = nodeStreams(name);
  if (!streams)
    throw new ApiError(
      'ServiceUnavailable',
      `the node ${JSON.stringify(name)} of pod ${JSON.stringify(pod.metadata?.name)} does not answer: no node agent of that name is connected`,
    );
  return streams;
}

/** The container meant, in the words of kube-apiserver when it must be named or does not exist. */
function chooseContainer(pod: Pod, query: URLSearchParams): string {
  const name = pod.metadata?.name ?? '';
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const wanted = query.get('container');
  const all = [...containers, ...initContainers, ...ephemeralContainers];
  if (wanted) {
    if (all.some((container) => container.name === wanted)) return wanted;
    throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  const annotated = pod.metadata?.annotations?.[defaultContainer];
  if (annotated && all.some((container) => container.name === annotated)) return annotated;
  if (containers.length === 1) return (containers[0] as Named).name;
  const names = (list: readonly Named[]): string => `[${list.map((container) => container.name).join(' ')}]`;
  const init = initContainers.length > 0 ? ` or one of the init containers: ${names(initContainers)}` : '';
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: ${names(containers)}${init}`);
}
/** exec and attach go to the first container when none is named. */
function running(pod: Pod, { query }: StreamRequest): StreamTarget {
  const first = !query.get('container') && !pod.metadata?.annotations?.[defaultContainer] ? pod.spec?.containers?.[0]?.name : undefined;
  const container = first ?? chooseContainer(pod, query);
  const phase = (pod.status as { phase?: string } | undefined)?.phase;
  if (phase === 'Succeeded' || phase === 'Failed') throw badRequest(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  const status = statusOf(pod, container);
  if (pod.spec?.nodeName && !status?.state?.running) throw new ApiError('InternalError', `unable to upgrade connection: container not found ("${container}")`);
  return { ...identity(pod), container };
}
function statusOf({ status = {} }: Pod, container: string): ContainerStatus | undefined {
  return [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? []), ...(status.ephemeralContainerStatuses ?? [])].find(
    (s) => s.name === container,
  );
}
function checkStarted(pod: Pod, container: string, previous: boolean): void {
  const status = statusOf(pod, container);
  const name = pod.metadata?.name ?? '';
  const terminated = status?.lastState?.terminated;
  if (previous && !terminated) throw badRequest(`previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(name)} not found`);
  if (previous || status?.state?.running || status?.state?.terminated || terminated) return;
  const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
  const why =
    reason === 'ErrImagePull' || reason === 'ImagePullBackOff'
      ? reason === 'ErrImagePull'
        ? "image can't be pulled"
        : 'trying and failing to pull image'
      : reason;
  throw badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(name)} is waiting to start: ${why}`);
}
function streamsOf(query: URLSearchParams): { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean } {
  const on = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const wanted = { stdin: on('stdin'), stdout: on('stdout'), stderr: on('stderr') && !on('tty'), tty: on('tty') };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  return wanted;
}
function logOptions({ query, clock }: StreamRequest, container: string): LogOptions {
  const on = (name: string): boolean => query.get(name) === 'true' || query.get(name) === '1';
  const number = (name: string, least: number): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value)) throw badRequest(`Invalid value: ${JSON.stringify(text)}: strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    if (value < least)
      throw new ApiError(
        'Invalid',
        `PodLogOptions "" is invalid: ${name}: Invalid value: ${value}: must be greater than${least === 0 ? ' or equal to' : ''} 0`,
      );
    return value;
  };
  const tailLines = number('tailLines', 0);
  const limitBytes = number('limitBytes', 1);
  const seconds = number('sinceSeconds', 1);
  const sinceTime = seconds === undefined ? since(query.get('sinceTime')) : clock.now() - seconds * 1000;
  return {
    container,
    follow: on('follow'),
    previous: on('previous'),
    timestamps: on('timestamps'),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}
function since(text: string | null): number | undefined {
  if (!text) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`Invalid value: ${JSON.stringify(text)}: parsing time as RFC 3339`);
  return time;
}

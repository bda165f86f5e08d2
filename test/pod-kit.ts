import { spawn, type ChildProcess } from 'node:child_process';
import { eventually, type Cluster } from './harness.ts';

export interface ContainerStatus {
  name: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  containerID?: string;
  state: State;
  lastState: State;
}
export interface State {
  running?: { startedAt: string };
  waiting?: { reason: string; message?: string };
  terminated?: { exitCode: number; reason: string; message?: string; startedAt: string; finishedAt: string };
}
export interface PodObject {
  metadata: { name: string; namespace: string; uid: string; deletionTimestamp?: string };
  spec: { nodeName?: string };
  status: {
    phase: string;
    reason?: string;
    message?: string;
    podIP?: string;
    hostIP?: string;
    qosClass?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}
type Fields = Record<string, unknown>;

export const sh = (script: string, more: Fields = {}): Fields => ({ name: 'main', image: 'hello:1', command: ['sh', '-c', script], ...more });
/** Sleeps for ever and ends at once on SIGTERM. */
export const idle = 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done';

export function pod(name: string, containers: Fields[], spec: Fields = {}, metadata: Fields = {}): Fields {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, ...metadata }, spec: { terminationGracePeriodSeconds: 1, containers, ...spec } };
}

/** Pods as `kubectl get pods -w` shows them: newest objects, and every STATUS that a user would have seen, in order. */
export interface PodWatch {
  latest(name: string): PodObject | undefined;
  /** Waits until the STATUS column has shown these, in this order; others may come between. */
  showed(name: string, statuses: readonly string[]): Promise<void>;
  /** Waits until the row of the pod is printed so. */
  shows(name: string, row: RegExp): Promise<void>;
  until(what: string, name: string, test: (pod: PodObject) => unknown): Promise<PodObject>;
  gone(name: string): Promise<void>;
  stop(): void;
}

export function watchPods(cluster: Cluster): PodWatch {
  const objects = new Map<string, PodObject>();
  const rows = new Map<string, string>();
  const seen = new Map<string, string[]>();
  let over = false;
  const children = new Set<ChildProcess>();
  /** kubectl ends its watch when the server goes away: begin again until stopped. */
  const follow = (args: string[], onText: (text: string) => void): void => {
    const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, KUBECONFIG: cluster.kubeconfig, HOME: cluster.dir } });
    children.add(child);
    child.stdout.setEncoding('utf8').on('data', onText);
    child.once('close', () => {
      children.delete(child);
      if (!over) setTimeout(() => over || follow(args, onText), 200);
    });
  };
  let json = '';
  follow(['get', 'pods', '-w', '--output-watch-events', '-o', 'json'], (text) => {
    const lines = (json + text).split('\n');
    json = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as { type: string; object: PodObject };
      if (event.type === 'DELETED') objects.delete(event.object.metadata.name);
      else objects.set(event.object.metadata.name, event.object);
    }
  });
  let table = '';
  follow(['get', 'pods', '-w', '--no-headers'], (text) => {
    const lines = (table + text).split('\n');
    table = lines.pop() ?? '';
    for (const line of lines) {
      const [name = '', , status = ''] = line.split(/\s+/);
      rows.set(name, line);
      const list = seen.get(name) ?? [];
      if (list.at(-1) !== status) list.push(status);
      seen.set(name, list);
    }
  });
  return {
    latest: (name) => objects.get(name),
    async showed(name, statuses) {
      await eventually(`${name} showed ${statuses.join(', ')}`, async () => inOrder(seen.get(name) ?? [], statuses)).catch((error: Error) => {
        throw new Error(`${error.message}: ${(seen.get(name) ?? []).join(', ')}`);
      });
    },
    async shows(name, row) {
      await eventually(`${name} shows as ${row}`, async () => row.test(rows.get(name) ?? '')).catch((error: Error) => {
        throw new Error(`${error.message}: ${rows.get(name)}`);
      });
    },
    async until(what, name, test) {
      try {
        return await eventually(`${name}: ${what}`, async () => {
          const found = objects.get(name);
          return found && test(found) ? found : undefined;
        });
      } catch (error) {
        throw new Error(`${(error as Error).message}; seen ${JSON.stringify(seen.get(name))}, now ${JSON.stringify(objects.get(name)?.status)}`, {
          cause: error,
        });
      }
    },
    gone: (name) => eventually(`${name} is gone`, async () => !objects.has(name)).then(() => undefined),
    stop() {
      over = true;
      for (const child of children) child.kill();
    },
  };
}

export const main = (p: PodObject, name = 'main'): ContainerStatus | undefined => p.status.containerStatuses?.find((c) => c.name === name);
export const isReady = (p: PodObject): boolean => p.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
export const waitingFor = (p: PodObject, name = 'main'): string | undefined => main(p, name)?.state.waiting?.reason;

function inOrder(seen: readonly string[], wanted: readonly string[]): boolean {
  let i = 0;
  for (const status of seen) if (status === wanted[i]) i++;
  return i === wanted.length;
}

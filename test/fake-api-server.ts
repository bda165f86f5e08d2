import { createServer, type Server } from 'node:http';
import type { Streaming } from '../src/node/runtime.ts';

/** The least API server that kubectl accepts: one pod `p`, whose streams a runtime answers. `ids` maps container names to ids. */
export function fakeApiServer(runtime: Streaming, sandboxId: string, ids: ReadonlyMap<string, string>): Server {
  const spec = {
    containers: [
      { name: 'main', image: 'hello:1' },
      { name: 'reader', image: 'hello:1', stdin: true, stdinOnce: true },
    ],
  };
  const answers: Record<string, unknown> = {
    '/api': { kind: 'APIVersions', versions: ['v1'] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': {
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get'] }],
    },
    '/api/v1/namespaces/default/pods/p': {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name: 'p', namespace: 'default', uid: 'u' },
      spec,
      status: { phase: 'Running' },
    },
  };
  const server = createServer((request, response) => {
    const body = answers[new URL(request.url ?? '', 'http://x').pathname];
    response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }));
  });
  server.on('upgrade', (request, socket, head) => {
    const url = new URL(request.url ?? '', 'http://x');
    const flag = (name: string): boolean => ['1', 'true'].includes(url.searchParams.get(name) ?? '');
    const streams = { stdin: flag('stdin'), stdout: flag('stdout'), stderr: flag('stderr'), tty: flag('tty') };
    const id = ids.get(url.searchParams.get('container') ?? 'main') ?? '';
    const verb = url.pathname.split('/').at(-1);
    const done =
      verb === 'exec'
        ? runtime.streams.exec(id, { ...streams, command: url.searchParams.getAll('command') }, request, socket, head)
        : verb === 'attach'
          ? runtime.streams.attach(id, streams, request, socket, head)
          : runtime.streams.portForward(sandboxId, url.searchParams.getAll('ports').map(Number), request, socket, head);
    done.catch((error: unknown) => socket.destroy(error as Error));
  });
  return server;
}

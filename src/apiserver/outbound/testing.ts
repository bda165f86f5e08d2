import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeObject } from '#machinery';
import { issueCa, issueServer } from '../pki/x509.ts';
import type { ObjectReader } from '../types.ts';

/** Objects by `group/plural`, as a reader gives them. */
export function readerOf(objects: { readonly [plural: string]: readonly KubeObject[] }): ObjectReader {
  const list = (group: string, plural: string, namespace?: string): readonly KubeObject[] =>
    (objects[`${group}/${plural}`] ?? []).filter((object) => !namespace || object.metadata?.namespace === namespace);
  return {
    list,
    get: (group, plural, namespace, name) => list(group, plural, namespace).find((object) => object.metadata?.name === name),
    observe: (group, plural, handler) => list(group, plural).forEach((object) => handler(object, undefined)),
  };
}

export interface TestServer {
  readonly port: number;
  /** PEM of the CA of its certificate. */
  readonly ca: string;
  /** The same as a caBundle. */
  readonly caBundle: string;
  close(): Promise<void>;
}
const validity = { notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2120, 0, 1) };

/** An HTTPS server on loopback with a certificate for `names`. */
export async function startServer(
  handler: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  options: { names?: readonly string[]; notAfter?: number; clientCa?: string; setup?: (server: Server) => void; host?: string } = {},
): Promise<TestServer> {
  const ca = issueCa('test-ca', validity);
  const { cert, key } = issueServer(ca, {
    ...validity,
    ...(options.notAfter ? { notAfter: options.notAfter } : {}),
    commonName: 'test',
    names: options.names ?? ['127.0.0.1', 'hook.default.svc'],
  });
  const client = options.clientCa ? { ca: options.clientCa, requestCert: true, rejectUnauthorized: true } : {};
  const server = createServer({ cert, key, ...client }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => handler(request, response, Buffer.concat(chunks).toString()));
  });
  options.setup?.(server);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, options.host ?? '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    ca: ca.cert,
    caBundle: Buffer.from(ca.cert).toString('base64'),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A Service in `default` without a selector and an EndpointSlice to a port of this host. */
export function serviceObjects(name: string, port: number): { service: KubeObject; slice: KubeObject } {
  const service = { metadata: { name, namespace: 'default' }, spec: { ports: [{ name: 'https', port: 443, protocol: 'TCP' }] } };
  const slice = {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'https', port }],
  };
  return { service, slice };
}

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Logger } from '#base';
import { RuntimeError, type StreamRuntime } from '../../runtime.ts';
import type { CriClient } from '../client.ts';
import { asRuntimeError } from '../errors.ts';
import { passThrough, upgradeToSpdy } from './upstream.ts';
import { acceptWebSocket, bridgeRemoteCommand, offeredProtocols, tunnel, type RemoteCommandStreams } from './websocket.ts';

const remoteCommandV5 = 'v5.channel.k8s.io';
const remoteCommandV4 = 'v4.channel.k8s.io';
const portForwardV1 = 'portforward.k8s.io';
const portForwardTunnel = 'SPDY/3.1+portforward.k8s.io';

/**
 * exec, attach and port-forward for the clients of every kubectl. containerd's own streaming server speaks SPDY/3.1 and
 * WebSocket v4: those connections are handed through. What it does not speak, WebSocket v5 and tunnelled SPDY, ends here.
 */
export function createCriStreams(options: { client: CriClient; log: Logger }): StreamRuntime {
  const { client } = options;
  return {
    async exec(id, { command, ...wanted }, request, socket, head) {
      const streams = withoutTtyStderr(wanted);
      const { url } = await asRuntimeError('exec', client.call('Exec', { container_id: id, cmd: command, ...streams }));
      await remoteCommand(new URL(url), streams, request, prepared(socket), head);
    },
    async attach(id, wanted, request, socket, head) {
      const streams = withoutTtyStderr(wanted);
      const { url } = await asRuntimeError('exec', client.call('Attach', { container_id: id, ...streams }));
      await remoteCommand(new URL(url), streams, request, prepared(socket), head);
    },
    async portForward(sandboxId, ports, request, socket, head) {
      const { url } = await asRuntimeError('exec', client.call('PortForward', { pod_sandbox_id: sandboxId, port: ports }));
      prepared(socket);
      if (!offeredProtocols(request).includes(portForwardTunnel)) return passThrough(new URL(url), request, socket, head);
      const upstream = await upgradeToSpdy(new URL(url), portForwardV1);
      await acceptOr(
        upstream.socket,
        acceptWebSocket(portForwardTunnel, request, socket, head, (ws) => tunnel(ws, upstream.socket, upstream.head)),
      );
    },
  };
}

/** With a terminal the program's stderr is its stdout; CRI refuses to be asked for both. */
function withoutTtyStderr(wanted: RemoteCommandStreams): RemoteCommandStreams {
  const streams = { ...wanted, stderr: wanted.stderr && !wanted.tty };
  if (!streams.stdin && !streams.stdout && !streams.stderr) throw new RuntimeError('exec', 'you must specify at least 1 of stdin, stdout, stderr');
  return streams;
}

async function remoteCommand(url: URL, streams: RemoteCommandStreams, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  if (!offeredProtocols(request).includes(remoteCommandV5)) return passThrough(url, request, socket, head);
  const upstream = await upgradeToSpdy(url, remoteCommandV4);
  const bridge = (ws: WebSocket): Promise<void> => bridgeRemoteCommand(ws, upstream.socket, upstream.head, streams);
  await acceptOr(upstream.socket, acceptWebSocket(remoteCommandV5, request, socket, head, bridge));
}

/** A client that left before it was accepted must not leave the runtime's connection open. */
async function acceptOr(upstream: Duplex, accepted: Promise<void>): Promise<void> {
  try {
    await accepted;
  } finally {
    upstream.destroy();
  }
}

/** Streams may be silent for hours, and an HTTP server's time limits are not theirs. */
function prepared(socket: Duplex): Duplex {
  const net = socket as Duplex & { setTimeout?(ms: number): void; setNoDelay?(on: boolean): void; setKeepAlive?(on: boolean, ms: number): void };
  net.setTimeout?.(0);
  net.setNoDelay?.(true);
  net.setKeepAlive?.(true, 30_000);
  return socket;
}

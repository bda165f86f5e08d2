import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock, Logger, Timer } from '#base';
import { lengthPrefix } from './upstream.ts';

export interface DnsServerOptions {
  ip: string;
  /** 0 takes a free one. */
  port: number;
  clock: Clock;
  log: Logger;
  respond(message: Buffer, tcp: boolean): Promise<Buffer | undefined>;
}

export interface DnsServer {
  readonly port: number;
  close(): Promise<void>;
}

const idleMs = 10_000;
const maxConnections = 256;

/** UDP and TCP on one port. Rejects when the port is taken, naming it. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const udp = await bindUdp(options);
  const port = udp.address().port;
  const open = new Set<Socket>();
  try {
    const tcp = await bindTcp(options, port, open);
    return { port, close: () => closeAll(udp, tcp, open) };
  } catch (error) {
    udp.close();
    throw error;
  }
}

function taken(options: DnsServerOptions, protocol: string, error: NodeJS.ErrnoException): Error {
  const why =
    error.code === 'EADDRINUSE'
      ? `another DNS server listens on ${protocol} port ${options.port} of every address (0.0.0.0): bind it to its own address`
      : error.message;
  return new Error(`cluster DNS cannot listen on ${options.ip}:${options.port}/${protocol}: ${why}`);
}

function bindUdp(options: DnsServerOptions): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => reject(taken(options, 'udp', error)));
    socket.on('message', (message, from) => void answerUdp(options, socket, message, from));
    socket.bind(options.port, options.ip, () => {
      socket.removeAllListeners('error');
      socket.on('error', (error) => options.log.warn('DNS over UDP', { error }));
      resolve(socket);
    });
  });
}

async function answerUdp(options: DnsServerOptions, socket: UdpSocket, message: Buffer, from: { address: string; port: number }): Promise<void> {
  const reply = await answer(options, message, false);
  if (!reply) return;
  try {
    socket.send(reply, from.port, from.address, () => {}); // a client that went away is no error of ours
  } catch (error) {
    options.log.debug('DNS answer not sent', { error }); // closed meanwhile, or source port 0
  }
}

async function answer(options: DnsServerOptions, message: Buffer, tcp: boolean): Promise<Buffer | undefined> {
  try {
    return await options.respond(message, tcp);
  } catch (error) {
    options.log.error('DNS query failed', { error });
    return undefined;
  }
}

function bindTcp(options: DnsServerOptions, port: number, open: Set<Socket>): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => serveTcp(options, socket, open));
    server.maxConnections = maxConnections;
    server.once('error', (error) => reject(taken(options, 'tcp', error)));
    server.listen(port, options.ip, () => {
      server.removeAllListeners('error');
      server.on('error', (error) => options.log.warn('DNS over TCP', { error }));
      resolve(server);
    });
  });
}

/** Messages with a length before each (RFC 1035 4.2.2), answered in order. */
function serveTcp(options: DnsServerOptions, socket: Socket, open: Set<Socket>): void {
  open.add(socket);
  let received = Buffer.alloc(0);
  let last: Promise<void> = Promise.resolve();
  let timer: Timer | undefined;
  const touch = (): void => {
    timer?.cancel();
    timer = options.clock.after(idleMs, () => socket.destroy());
  };
  touch();
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    timer?.cancel();
    open.delete(socket);
  });
  socket.on('data', (chunk: Buffer) => {
    touch();
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const length = received.readUInt16BE(0);
      const message = received.subarray(2, 2 + length);
      received = received.subarray(2 + length);
      last = last.then(() => answerTcp(options, socket, message));
    }
  });
}

async function answerTcp(options: DnsServerOptions, socket: Socket, message: Buffer): Promise<void> {
  const reply = await answer(options, message, true);
  if (!reply) socket.destroy();
  else if (socket.writable) socket.write(Buffer.concat([lengthPrefix(reply), reply]));
}

async function closeAll(udp: UdpSocket, tcp: Server, open: ReadonlySet<Socket>): Promise<void> {
  for (const socket of open) socket.destroy();
  await Promise.all([new Promise<void>((resolve) => udp.close(() => resolve())), new Promise<void>((resolve) => tcp.close(() => resolve()))]);
}

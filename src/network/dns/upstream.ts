import { createSocket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { connect, isIP, isIPv6 } from 'node:net';
import type { Clock, Random } from '#base';
import { questionEnd } from './message.ts';

export interface UpstreamOptions {
  clock: Clock;
  random: Random;
  /** Resolver addresses, `IP` or `IP:port` (IPv4); undefined reads /etc/resolv.conf, again when it is older than 5 s. */
  servers: readonly string[] | undefined;
  /** Addresses that are ourselves. */
  exclude: readonly string[];
  /** ms per try; two tries. */
  timeoutMs?: number;
  resolvConf?: () => Promise<string>;
}

/** `nameserver` lines of resolv.conf(5). */
export function parseResolvConf(text: string): string[] {
  const servers: string[] = [];
  for (const line of text.split('\n')) {
    const [word, address = ''] = line.trim().split(/\s+/);
    if (word === 'nameserver' && isIP(address.replace(/%.*$/, '')) !== 0) servers.push(address);
  }
  return servers;
}

/** Forwards queries as they are to the host's resolvers: a try of one, then a try of the next (or the same). */
export class Upstream {
  readonly #options: UpstreamOptions;
  #servers: string[] = [];
  #readAt = -Infinity;
  /** Index of the server that answered last. */
  #preferred = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
  }

  /** The response with the query's own id, or undefined when no resolver answers in time. */
  async forward(query: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    const servers = await this.#current();
    for (let i = 0; i < 2 && servers.length > 0; i++) {
      const index = (this.#preferred + i) % servers.length;
      const answer = await this.#ask(servers[index] ?? '', query, tcp);
      if (!answer) continue;
      this.#preferred = index;
      return answer;
    }
    return undefined;
  }

  async #current(): Promise<string[]> {
    if (this.#options.servers) return this.#options.servers.filter((s) => !this.#options.exclude.includes(s));
    const now = this.#options.clock.now();
    if (now - this.#readAt < 5000) return this.#servers;
    this.#readAt = now;
    try {
      const text = await (this.#options.resolvConf?.() ?? readFile('/etc/resolv.conf', 'utf8'));
      this.#servers = parseResolvConf(text).filter((s) => !this.#options.exclude.includes(s));
    } catch {
      this.#servers = []; // no resolv.conf: nobody to ask
    }
    return this.#servers;
  }

  async #ask(server: string, query: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    const [, address, port] = /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(server) ?? [undefined, server, '53'];
    const sent = Buffer.from(query);
    const id = Math.floor(this.#options.random.next() * 65_536);
    sent.writeUInt16BE(id, 0);
    const answer = await (tcp ? this.#overTcp(sent, address ?? '', Number(port)) : this.#overUdp(sent, address ?? '', Number(port)));
    if (!answer) return undefined;
    const out = Buffer.from(answer);
    query.copy(out, 0, 0, 2);
    return out;
  }

  #overUdp(query: Buffer, address: string, port: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = createSocket(isIPv6(address.replace(/%.*$/, '')) ? 'udp6' : 'udp4');
      const timer = this.#options.clock.after(this.#options.timeoutMs ?? 2000, () => end(undefined));
      let ended = false;
      const end = (answer: Buffer | undefined): void => {
        if (ended) return;
        ended = true;
        timer.cancel();
        socket.close();
        resolve(answer);
      };
      socket.on('error', () => end(undefined)); // ECONNREFUSED and the like: try the next one
      socket.on('message', (message: Buffer) => {
        if (answers(query, message)) end(message); // else somebody guesses
      });
      socket.once('connect', () => {
        if (!ended) socket.send(query, (error) => error && end(undefined));
      });
      socket.connect(port, address);
    });
  }

  #overTcp(query: Buffer, address: string, port: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: address, port });
      const timer = this.#options.clock.after(this.#options.timeoutMs ?? 2000, () => end(undefined));
      let received = Buffer.alloc(0);
      const end = (answer: Buffer | undefined): void => {
        timer.cancel();
        socket.destroy();
        resolve(answer);
      };
      socket.on('error', () => end(undefined));
      socket.on('close', () => end(undefined));
      socket.on('connect', () => socket.write(Buffer.concat([lengthPrefix(query), query])));
      socket.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const message = received.subarray(2, 2 + received.readUInt16BE(0));
        end(answers(query, message) ? message : undefined);
      });
    });
  }
}

export function lengthPrefix(message: Buffer): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16BE(message.length, 0);
  return out;
}

/** Same id, a response, and the same question. */
function answers(query: Buffer, message: Buffer): boolean {
  if (message.length < 12 || message.readUInt16BE(0) !== query.readUInt16BE(0) || ((message[2] ?? 0) & 0x80) === 0) return false;
  if (message.readUInt16BE(4) === 0) return true; // an error without the question
  const end = questionEnd(query);
  return end !== undefined && message.length >= end && message.toString('latin1', 12, end).toLowerCase() === query.toString('latin1', 12, end).toLowerCase();
}

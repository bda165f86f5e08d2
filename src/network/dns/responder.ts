import { encode, decode } from 'dns-packet';
import { encodeAnswer, errorResponse, parseQuery, type Query } from './message.ts';
import { resolve, type Answer, type DnsRecord } from './resolve.ts';
import type { Zone } from './zone.ts';

export interface Forwarder {
  forward(query: Buffer, tcp: boolean): Promise<Buffer | undefined>;
}

export interface ResponderOptions {
  zone: Zone;
  upstream: Forwarder;
  /** Whether an address belongs to the cluster, so that its reverse name is answered here or nowhere. */
  owns: (ip: string) => boolean;
  /** Queries forwarded at the same time; more are answered SERVFAIL. Default 1000. */
  maxForwards?: number;
}

/** One message in, one message out; undefined when the input deserves no answer. */
export class Responder {
  readonly #options: ResponderOptions;
  #forwards = 0;
  #turn = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
  }
  async respond(bytes: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    const query = parseQuery(bytes);
    if (query === undefined) return undefined;
    if (typeof query === 'string') return errorResponse(bytes, query);
    if (query.class !== 'IN' && query.class !== 'ANY') return errorResponse(bytes, 'REFUSED');
    const { zone, owns } = this.#options;
    const answer = resolve(zone, query.name, query.type, owns);
    if (!answer) return (await this.#forward(bytes, tcp)) ?? errorResponse(bytes, 'SERVFAIL');
    if (answer.chase !== undefined && query.type !== 'CNAME') return this.#chase(bytes, query, answer, answer.chase, tcp);
    return encodeAnswer(query, this.#rotate(answer), tcp);
  }

  /** The CNAME, and what it points at: in the zone, or from upstream. */
  async #chase(bytes: Buffer, query: Query, answer: Answer, target: string, tcp: boolean): Promise<Buffer> {
    const local = resolve(this.#options.zone, target, query.type, this.#options.owns);
    if (local) return encodeAnswer(query, { ...local, answers: [...answer.answers, ...local.answers] }, tcp);
    if (query.type !== 'A' && query.type !== 'AAAA') return encodeAnswer(query, answer, tcp);
    const asked = encode({ type: 'query', id: 0, flags: 0x0100, questions: [{ type: query.type, name: target, class: 'IN' }] });
    const reply = await this.#forward(asked, tcp);
    if (!reply) return errorResponse(bytes, 'SERVFAIL');
    return encodeAnswer(query, { ...answer, answers: [...answer.answers, ...addressesIn(reply)] }, tcp);
  }

  async #forward(bytes: Buffer, tcp: boolean): Promise<Buffer | undefined> {
    if (this.#forwards >= (this.#options.maxForwards ?? 1000)) return undefined;
    this.#forwards++;
    try {
      return await this.#options.upstream.forward(bytes, tcp);
    } finally {
      this.#forwards--;
    }
  }
  /** Clients that take the first address spread over all. */
  #rotate(answer: Answer): Answer {
    const { answers } = answer;
    if (answers.length < 2) return answer;
    const by = this.#turn++ % answers.length;
    return { ...answer, answers: [...answers.slice(by), ...answers.slice(0, by)] };
  }
}

function addressesIn(reply: Buffer): DnsRecord[] {
  try {
    return (decode(reply).answers ?? []).flatMap((record): DnsRecord[] => {
      if (record.type !== 'A' && record.type !== 'AAAA' && record.type !== 'CNAME') return [];
      return [{ name: record.name, ttl: record.ttl ?? 0, data: { type: record.type, value: record.data } }];
    });
  } catch {
    return []; // an upstream that sends nonsense has no addresses for us
  }
}

import { decode } from 'dns-packet';
import type { Answer, DnsRecord } from './resolve.ts';

/** What is needed of a query (RFC 1035, RFC 6891). */
export interface Query {
  id: number;
  /** Recursion desired. */
  rd: boolean;
  /** As asked: letters keep their case. */
  name: string;
  /** Mnemonic, or UNKNOWN_n. */
  type: string;
  class: string;
  /** The question section's own bytes. */
  question: Buffer;
  /** The client's UDP size, when it sent an OPT record. */
  udpSize: number | undefined;
}

export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
export type Rcode = keyof typeof rcodes;

/** The query; an Rcode to answer with when it is not one we take; undefined when it deserves no answer (a response, or less than a header). */
export function parseQuery(bytes: Buffer): Query | Rcode | undefined {
  if (bytes.length < 12 || (bytes.readUInt8(2) & 0x80) !== 0) return undefined;
  if (((bytes.readUInt8(2) >> 3) & 15) !== 0) return 'NOTIMP';
  if (bytes.readUInt16BE(4) !== 1) return 'FORMERR';
  const end = questionEnd(bytes);
  if (end === undefined) return 'FORMERR';
  try {
    const packet = decode(bytes);
    const question = packet.questions?.[0];
    if (!question) return 'FORMERR';
    const opt = (packet.additionals ?? []).find((record) => record.type === 'OPT');
    const udpSize = opt && 'udpPayloadSize' in opt ? opt.udpPayloadSize : undefined;
    const name = question.name === '.' ? '' : question.name;
    return {
      id: bytes.readUInt16BE(0),
      rd: (bytes.readUInt8(2) & 1) !== 0,
      name,
      type: question.type,
      class: question.class ?? 'IN',
      question: bytes.subarray(12, end),
      udpSize,
    };
  } catch {
    return 'FORMERR';
  }
}

/** End of the first question; undefined when it runs past the message. Questions of queries are never compressed. */
export function questionEnd(bytes: Buffer): number | undefined {
  let at = 12;
  while (at < bytes.length) {
    const length = bytes[at] ?? 0;
    if (length > 63) return undefined;
    at += length + 1;
    if (length === 0) return at + 4 <= bytes.length && at - 12 <= 255 ? at + 4 : undefined;
  }
  return undefined;
}

/** A response without records, also to something that could not be parsed. */
export function errorResponse(bytes: Buffer, rcode: Rcode): Buffer {
  const end = rcode === 'FORMERR' ? undefined : questionEnd(bytes);
  const out = Buffer.alloc(end ?? 12);
  if (end !== undefined) bytes.copy(out, 12, 12, end);
  out.writeUInt16BE(bytes.readUInt16BE(0), 0);
  out.writeUInt16BE(0x8080 | ((bytes.readUInt8(2) & 0x79) << 8) | rcodes[rcode], 2); // QR, RA; opcode and RD as asked
  out.writeUInt16BE(end === undefined ? 0 : 1, 4);
  return out;
}

/** Smallest and largest UDP answer: RFC 1035's limit, and what passes without fragments (DNS Flag Day 2020). */
const smallest = 512;
const largest = 1232;

/** The bytes of an answer. What does not fit is left out: the additional section silently, anything else with the TC bit. */
export function encodeAnswer(query: Query, answer: Answer, tcp: boolean): Buffer {
  const limit = (tcp ? 65_535 : Math.min(largest, Math.max(smallest, query.udpSize ?? smallest))) - (query.udpSize === undefined ? 0 : 11);
  const writer = new Writer(query.question, limit);
  const answers = writer.records(answer.answers);
  const truncated = answers < answer.answers.length;
  const authority = truncated ? 0 : writer.records(answer.authority);
  let additional = truncated ? 0 : writer.records(answer.additional);
  if (query.udpSize !== undefined) {
    writer.opt(largest);
    additional++;
  }
  const flags = 0x8480 | (query.rd ? 0x0100 : 0) | (truncated ? 0x0200 : 0) | rcodes[answer.rcode]; // QR AA RA
  return writer.finish(query.id, flags, [answers, authority, additional]);
}

const typeCodes = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, TXT: 16, AAAA: 28, SRV: 33 } as const;

class Writer {
  readonly #buffer: Buffer;
  readonly #names = new Map<string, number>();
  readonly #limit: number;
  #at: number;

  constructor(question: Buffer, limit: number) {
    this.#limit = limit;
    this.#buffer = Buffer.allocUnsafe(limit + 1024); // one record past the limit always fits: names have 255 bytes
    question.copy(this.#buffer, 12);
    this.#at = 12 + question.length;
    this.#remember(question);
  }
  /** Writes records until one does not fit; returns how many did. */
  records(records: readonly DnsRecord[]): number {
    let count = 0;
    for (const record of records) {
      const before = this.#at;
      this.#record(record);
      if (this.#at > this.#limit) {
        this.#at = before;
        for (const [name, at] of this.#names) if (at >= before) this.#names.delete(name);
        return count;
      }
      count++;
    }
    return count;
  }
  opt(udpSize: number): void {
    this.#buffer.writeUInt8(0, this.#at);
    this.#at += 1;
    this.#u16(41);
    this.#u16(udpSize);
    this.#u32(0);
    this.#u16(0);
  }
  finish(id: number, flags: number, counts: readonly number[]): Buffer {
    this.#buffer.writeUInt16BE(id, 0);
    this.#buffer.writeUInt16BE(flags, 2);
    this.#buffer.writeUInt16BE(1, 4);
    counts.forEach((count, i) => this.#buffer.writeUInt16BE(count, 6 + 2 * i));
    return Buffer.from(this.#buffer.subarray(0, this.#at));
  }

  /** The question's name and its parents, so that answers can point at them (and keep the client's letters). */
  #remember(question: Buffer): void {
    const labels: { at: number; text: string }[] = [];
    for (let at = 0; (question[at] ?? 0) !== 0; at += (question[at] ?? 0) + 1) {
      labels.push({ at: 12 + at, text: question.toString('latin1', at + 1, at + 1 + (question[at] ?? 0)).toLowerCase() });
    }
    labels.forEach((label, i) =>
      this.#names.set(
        labels
          .slice(i)
          .map((l) => l.text)
          .join('.'),
        label.at,
      ),
    );
  }
  #record({ name, ttl, data }: DnsRecord): void {
    this.#name(name);
    this.#u16(typeCodes[data.type]);
    this.#u16(1);
    this.#u32(ttl);
    const lengthAt = this.#at;
    this.#at += 2;
    this.#data(data);
    this.#buffer.writeUInt16BE(this.#at - lengthAt - 2, lengthAt);
  }
  #data(data: DnsRecord['data']): void {
    switch (data.type) {
      case 'A':
        return this.#bytes(Buffer.from(data.value.split('.').map(Number)));
      case 'AAAA':
        return this.#bytes(ipv6Bytes(data.value));
      case 'CNAME':
      case 'PTR':
      case 'NS':
        return this.#name(data.value);
      case 'TXT': {
        const text = Buffer.from(data.value).subarray(0, 255);
        return this.#bytes(Buffer.concat([Buffer.from([text.length]), text]));
      }
      case 'SRV':
        this.#u16(data.priority);
        this.#u16(data.weight);
        this.#u16(data.port);
        return this.#name(data.target, false); // RFC 2782: the target is not compressed
      case 'SOA':
        this.#name(data.mname);
        this.#name(data.rname);
        for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.#u32(value);
    }
  }
  #name(name: string, compress = true): void {
    let rest = name.toLowerCase();
    while (rest !== '') {
      const known = compress ? this.#names.get(rest) : undefined;
      if (known !== undefined) return this.#u16(0xc000 | known);
      if (this.#at < 0x4000 && !this.#names.has(rest)) this.#names.set(rest, this.#at);
      const dot = rest.indexOf('.');
      const label = Buffer.from(dot < 0 ? rest : rest.slice(0, dot), 'latin1').subarray(0, 63);
      this.#bytes(Buffer.concat([Buffer.from([label.length]), label]));
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    this.#bytes(Buffer.from([0]));
  }
  #u16(value: number): void {
    this.#buffer.writeUInt16BE(value, this.#at);
    this.#at += 2;
  }
  #u32(value: number): void {
    this.#buffer.writeUInt32BE(value, this.#at);
    this.#at += 4;
  }
  #bytes(bytes: Buffer): void {
    bytes.copy(this.#buffer, this.#at);
    this.#at += bytes.length;
  }
}

/** 16 bytes of an IPv6 address in any of its written forms. */
export function ipv6Bytes(text: string): Buffer {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : text;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0'), ...right];
  const out = Buffer.alloc(16);
  groups.slice(0, 8).forEach((group, i) => out.writeUInt16BE(parseInt(group, 16) & 0xffff, i * 2));
  return out;
}

import { readFileSync } from 'node:fs';
import type { Client, Metadata, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { imageMethods, type CriCalls, type CriMethod } from './messages.ts';
import { parseProto, type Proto, type ProtoValue } from './proto.ts';

/** gRPC codes that are told apart. */
export const grpcCode = { unknown: 2, invalidArgument: 3, deadlineExceeded: 4, notFound: 5, alreadyExists: 6, unimplemented: 12, unavailable: 14 } as const;

/** A call that containerd refused, in its own words. */
export class CriError extends Error {
  readonly code: number;
  readonly method: string;
  constructor(method: string, code: number, message: string) {
    super(message);
    this.name = 'CriError';
    this.code = code;
    this.method = method;
  }
}

export interface TaskEvent {
  topic: string;
  containerId: string;
  /** Equals containerId for the container's first process; else the id of an exec. */
  processId: string;
}

/** A connection to one containerd: CRI calls and its task events. */
export interface CriClient {
  readonly socket: string;
  readonly closed: boolean;
  /** Rejects with CriError. `deadlineMs` defaults to two minutes; 0 = none. */
  call<M extends CriMethod>(method: M, request: CriCalls[M][0], deadlineMs?: number): Promise<CriCalls[M][1]>;
  /** The events of containers' tasks. `ended` is called once, when the stream breaks. */
  taskEvents(filters: readonly string[], onEvent: (event: TaskEvent) => void, ended: (error: Error | undefined) => void): { close(): void };
  close(): void;
}

const defaultDeadlineMs = 120_000;
const channelOptions = {
  // The authority of a unix socket is its path, which containerd's HTTP/2 server refuses.
  'grpc.default_authority': 'localhost',
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.max_receive_message_length': 64 << 20,
  'grpc.max_send_message_length': 64 << 20,
  'grpc.use_local_subchannel_pool': 1,
};

type Unary = (
  request: object,
  metadata: Metadata,
  options: { deadline?: number },
  callback: (error: ServiceError | null, response: unknown) => void,
) => unknown;
type Subscribe = (request: object, metadata: Metadata) => NodeJS.EventEmitter & { cancel(): void };
interface EventEnvelope {
  topic: string;
  event: { value: Buffer } | null;
}

/** Loads gRPC and the protocol on first use, and connects (lazily: a containerd that is down makes calls fail as unavailable). */
export async function connectCri(socket: string, now: () => number): Promise<CriClient> {
  const grpc = await import('@grpc/grpc-js');
  const address = `unix://${socket}`;
  const connect = (proto: Proto, service: string): Client =>
    new (grpc.makeGenericClientConstructor(serviceDefinition(proto, service), service))(address, grpc.credentials.createInsecure(), channelOptions);
  const cri = loadProto('cri.proto');
  const runtime = connect(cri, 'RuntimeService');
  const images = connect(cri, 'ImageService');
  const events = connect(loadProto('events.proto'), 'Events');
  const metadata = new grpc.Metadata();
  let closed = false;

  return {
    socket,
    get closed() {
      return closed;
    },
    call: <M extends CriMethod>(method: M, request: CriCalls[M][0], deadlineMs = defaultDeadlineMs) => {
      const client = imageMethods.has(method) ? images : runtime;
      const options = deadlineMs > 0 ? { deadline: now() + deadlineMs } : {};
      return new Promise<CriCalls[M][1]>((resolve, reject) => {
        const unary = (client as unknown as Record<string, Unary>)[method] as Unary;
        unary.call(client, request, metadata, options, (error, response) => {
          if (error) reject(new CriError(method, error.code, error.details || error.message));
          else resolve(response as CriCalls[M][1]);
        });
      });
    },
    taskEvents(filters, onEvent, ended) {
      const withNamespace = new grpc.Metadata();
      withNamespace.set('containerd-namespace', 'k8s.io');
      const subscribe = (events as unknown as Record<string, Subscribe>)['Subscribe'] as Subscribe;
      const stream = subscribe.call(events, { filters }, withNamespace);
      let open = true;
      const end = (error?: Error): void => {
        if (!open) return;
        open = false;
        ended(error);
      };
      stream.on('data', (envelope: EventEnvelope) => open && onEvent(decodeTaskEvent(envelope)));
      stream.on('error', (error: Error) => end(error));
      stream.on('end', () => end());
      return {
        close: () => {
          open = false;
          stream.cancel();
        },
      };
    },
    close: () => {
      closed = true;
      for (const client of [runtime, images, events]) client.close();
    },
  };
}

const loadProto = (file: string): Proto => parseProto(readFileSync(new URL(`./proto/${file}`, import.meta.url), 'utf8'));

function serviceDefinition(proto: Proto, service: string): ServiceDefinition {
  const methods = [...(proto.services.get(service) ?? [])].map(([name, { path, streams, request, response }]) => {
    const codec = {
      requestSerialize: (value: ProtoValue) => request.encode(value),
      requestDeserialize: (bytes: Buffer) => request.decode(bytes),
      responseSerialize: (value: ProtoValue) => response.encode(value),
      responseDeserialize: (bytes: Buffer) => response.decode(bytes),
    };
    return [name, { path, requestStream: false, responseStream: streams, ...codec }] as const;
  });
  return Object.fromEntries(methods);
}

/** containerd.events.TaskExit and TaskOOM: container_id = 1, id = 2 (TaskOOM has no id). */
export function decodeTaskEvent(envelope: EventEnvelope): TaskEvent {
  const fields = stringFields(envelope.event?.value ?? Buffer.alloc(0));
  const containerId = fields.get(1) ?? '';
  return { topic: envelope.topic, containerId, processId: fields.get(2) ?? containerId };
}

/** The length-delimited fields of a protobuf message as text, by number; others are skipped. */
function stringFields(message: Buffer): Map<number, string> {
  const fields = new Map<number, string>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) varint();
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else {
      const length = varint();
      fields.set(tag >>> 3, message.toString('utf8', at, at + length));
      at += length;
    }
  }
  return fields;
}

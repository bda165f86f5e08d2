import type { ClientRequest, IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '#base';
import { ApiError, type KubeObject, type Status, type WatchEventType, type WatchOptions, type WatchSink } from '#machinery';

interface Deps {
  clock: Clock;
  /** Opens the watch from a revision; `initial` is false when it goes on after an interruption. */
  open(resourceVersion: string | undefined, initial: boolean, onResponse: (response: IncomingMessage) => void): ClientRequest;
  readError(response: IncomingMessage): Promise<Error>;
  toError(status: Status): Error;
}

/** A watch that outlives its connections: it goes on from the last revision it saw, and ends when only a new list can heal it. */
export class HttpWatch<T extends KubeObject> {
  readonly #deps: Deps;
  readonly #sink: WatchSink<T>;
  #version: string | undefined;
  #connections = 0;
  #failures = 0;
  #closed = false;
  #request: ClientRequest | undefined;

  constructor(deps: Deps, options: WatchOptions, sink: WatchSink<T>) {
    this.#deps = deps;
    this.#sink = sink;
    this.#version = options.resourceVersion;
    this.#connect();
  }
  close(): void {
    this.#closed = true;
    this.#request?.destroy();
  }

  #connect(): void {
    if (this.#closed) return;
    let over = false;
    const interrupted = (): void => {
      if (!over) this.#again();
      over = true;
    };
    const initial = this.#connections++ === 0;
    const request = this.#deps.open(this.#version, initial, (response) => {
      response.on('error', interrupted);
      if (response.statusCode === 200) this.#follow(response, interrupted);
      else void this.#deps.readError(response).then((error) => this.#end(error), interrupted);
    });
    request.on('error', interrupted);
    request.end();
    this.#request = request;
  }
  #follow(response: IncomingMessage, interrupted: () => void): void {
    response.on('close', interrupted);
    eachLine(response, (text) => {
      if (this.#closed) return;
      try {
        this.#line(text);
      } catch (error) {
        this.#end(error as Error);
      }
    });
  }
  #line(text: string): void {
    const event = JSON.parse(text) as { type: WatchEventType | 'ERROR'; object: T };
    if (event.type === 'ERROR') return this.#end(this.#deps.toError(event.object as unknown as Status));
    this.#failures = 0;
    this.#version = event.object.metadata?.resourceVersion ?? this.#version;
    this.#sink.event(event.type, event.object);
  }
  #again(): void {
    if (this.#closed) return;
    // Without a revision to go on from, a second start would repeat what was already told.
    if (!this.#version) return this.#end(new ApiError('Expired', 'The watch ended before it had a resourceVersion.'));
    this.#deps.clock.after(Math.min(10_000, 50 * 2 ** Math.min(this.#failures++, 8)), () => this.#connect());
  }
  #end(error: Error): void {
    if (this.#closed) return;
    this.close();
    this.#sink.end(error);
  }
}

function eachLine(response: IncomingMessage, line: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  response.on('data', (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim() !== '') line(part);
  });
}

import type { ClientRequest, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Agent, RequestOptions } from 'node:https';
import type { Clock } from '#base';
import { failureText, statusText } from './failure.ts';
import { tlsOptions, type Address, type Target } from './target.ts';

export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of an answer that are read at most. */
  readonly maxBytes?: number;
}
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A call that got no (good) answer. The message is complete: `Post "https://…": context deadline exceeded`. */
export class CallFailure extends Error {
  /** HTTP status of the answer; 0 when there was none. */
  readonly status: number;
  constructor(message: string, status = 0) {
    super(message);
    this.name = 'CallFailure';
    this.status = status;
  }
}

const defaultMaxBytes = 16 * 1024 * 1024;
const deadline = 'context deadline exceeded';

/** The HTTPS client to servers that extend the API. Connections are kept alive, one pool per address and identity. */
export class Outbound {
  readonly #clock: Clock;
  #agent: Agent | undefined;
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts a request; the caller writes its body and handles `error`. Throws Unreachable. */
  open(target: Target, options: { method: string; path: string; headers?: OutgoingHttpHeaders; signal?: AbortSignal; agent?: false }): ClientRequest {
    return this.#open(target, target.address(), options);
  }
  #open(
    target: Target,
    { host, port }: Address,
    { headers, ...options }: { method: string; path: string; headers?: OutgoingHttpHeaders; signal?: AbortSignal; agent?: false },
  ): ClientRequest {
    // Not imported: most clusters never call out, and loading it costs 20 ms at start.
    const https = process.getBuiltinModule('node:https');
    // Its own agent: the process-wide one could be told to go through a proxy by the environment.
    this.#agent ??= new https.Agent({ keepAlive: true, maxFreeSockets: 16, timeout: 90_000 });
    const all: RequestOptions = {
      agent: this.#agent,
      ...options,
      host,
      port,
      headers: { host: target.origin.slice('https://'.length), ...headers },
      ...tlsOptions(target),
    };
    return https.request(all);
  }

  /** One request and its whole answer, whatever its status. Throws CallFailure. */
  async call(target: Target, call: Call): Promise<Answer> {
    const shown = `${call.method[0]}${call.method.slice(1).toLowerCase()} "${target.origin}${call.path}"`;
    const abort = new AbortController();
    let late = false;
    const timer = this.#clock.after(call.timeoutMs, () => {
      late = true;
      abort.abort();
    });
    const forward = (): void => abort.abort();
    call.signal?.addEventListener('abort', forward, { once: true });
    let address: Address | undefined;
    try {
      if (call.signal?.aborted) abort.abort();
      address = target.address();
      return await this.#retried(target, address, call, abort.signal);
    } catch (error) {
      throw new CallFailure(`${shown}: ${late ? deadline : failureText(error, address, target.servername)}`);
    } finally {
      timer.cancel();
      call.signal?.removeEventListener('abort', forward);
    }
  }
  /** A kept connection that the server closed meanwhile is no failure: the request goes out once more. */
  async #retried(target: Target, address: Address, call: Call, signal: AbortSignal): Promise<Answer> {
    for (;;) {
      let reused = false;
      try {
        return await this.#once(target, address, call, signal, (request) => (reused = request.reusedSocket));
      } catch (error) {
        if (!reused || signal.aborted || (error as { code?: string }).code !== 'ECONNRESET') throw error;
      }
    }
  }
  #once(target: Target, address: Address, call: Call, signal: AbortSignal, failed: (request: ClientRequest) => void): Promise<Answer> {
    const { method, path, body, maxBytes = defaultMaxBytes } = call;
    return new Promise((resolve, reject) => {
      const headers: OutgoingHttpHeaders = { accept: 'application/json', ...(body ? { 'content-length': body.length } : {}), ...call.headers };
      const request = this.#open(target, address, { method, path, headers, signal });
      request.once('error', (error) => {
        failed(request);
        reject(error);
      });
      request.once('response', (response) => {
        collect(response, maxBytes).then((bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }), reject);
      });
      request.end(body);
    });
  }

  /** Posts JSON and parses the JSON that comes back. Throws CallFailure, also for an answer that is no success. */
  async post(target: Target, body: unknown, options: { path: string; timeoutMs: number; signal?: AbortSignal | undefined }): Promise<unknown> {
    const answer = await this.call(target, {
      ...options,
      method: 'POST',
      body: Buffer.from(JSON.stringify(body)),
      headers: { 'content-type': 'application/json' },
    });
    const text = answer.body.toString();
    if (answer.status < 200 || answer.status > 299) throw new CallFailure(statusText(answer.status, text), answer.status);
    try {
      return JSON.parse(text) as unknown;
    } catch {
      throw new CallFailure(`couldn't get version/kind; json parse error: the answer of "${target.origin}${options.path}" is not JSON`, answer.status);
    }
  }
  close(): void {
    this.#agent?.destroy();
  }
}

async function collect(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      response.destroy();
      throw new Error(`the answer is larger than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

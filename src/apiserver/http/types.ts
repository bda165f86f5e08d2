import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { UserInfo } from '#machinery';
import type { RequestInfo } from './request-info.ts';

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

/** One request on its way through the chain. */
export interface Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly info: RequestInfo;
  /** The client's own id of the request, or one of ours. */
  readonly auditId: string;
  /** Adds an annotation to the audit event, where there is one. */
  annotate?: (key: string, value: string) => void;
  /** Warnings for the client so far: it gets them with a refusal too. */
  warnings?: readonly string[];
  /** Who asks, after impersonation. */
  user: UserInfo;
  /** Who really asks, when `user` is impersonated. */
  impersonator?: UserInfo;
  /** A watch, a stream or a connection that is handed over: it goes on for as long as the client likes. */
  readonly longRunning: boolean;
  /** To be called when a watch has sent what there was, or a long body is on its way: from here on the request only waits. */
  begun?: () => void;
  /** Set for HTTP/1.1 upgrades: the socket, which whoever answers takes over. `response` then only collects headers. */
  readonly connection?: { readonly socket: Duplex; readonly head: Buffer };
}

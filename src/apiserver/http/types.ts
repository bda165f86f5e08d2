import type { IncomingMessage, ServerResponse } from 'node:http';
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
  user: UserInfo;
}

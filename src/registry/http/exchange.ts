import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry, RepositoryName } from '../registry.ts';

/** One request, taken apart. */
export interface Exchange {
  readonly registry: Registry;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly repository: RepositoryName;
  /** Tag, digest or upload id of the path; '' where the path has none. */
  readonly reference: string;
  /** Asks whether the caller may have a blob of another repository of the same registry in this one. Never throws. */
  mayMount(digest: string, from: string): Promise<boolean>;
  /** Whether a pull is remembered. */
  recordsPull(): boolean | Promise<boolean>;
}

export const header = (exchange: Exchange, name: string): string | undefined => {
  const value = exchange.request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
};

/** Answers without a body. */
export function answer(exchange: Exchange, status: number, headers: Record<string, string | number | string[]> = {}): void {
  exchange.response.writeHead(status, { 'content-length': 0, ...headers });
  exchange.response.end();
}
export function answerBytes(exchange: Exchange, status: number, headers: Record<string, string | number>, body: Buffer): void {
  exchange.response.writeHead(status, { ...headers, 'content-length': body.length });
  exchange.response.end(exchange.request.method === 'HEAD' ? undefined : body);
}
export function answerJson(exchange: Exchange, body: unknown, headers: Record<string, string> = {}, contentType = 'application/json'): void {
  answerBytes(exchange, 200, { 'content-type': contentType, ...headers }, Buffer.from(JSON.stringify(body)));
}

/** Whether the caller has it already: If-None-Match names the digest, or anything. */
export function isUnchanged(exchange: Exchange, digest: string): boolean {
  const wanted = header(exchange, 'if-none-match');
  return wanted !== undefined && wanted.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === `"${digest}"`);
}

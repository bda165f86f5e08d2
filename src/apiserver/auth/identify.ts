import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ApiError, type UserInfo } from '#machinery';
import type { Request } from '../http/types.ts';
import type { Authenticator, Credentials, Identification } from '../types.ts';

export const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Certificates belong to connections: looked at once for each. */
const certificates = new WeakMap<object, Buffer | null>();

/**
 * Asks the authenticators in order; none of them knows = anonymous. Throws Unauthorized, or rejects, when credentials
 * are bad. A promise only when an authenticator has to ask outside.
 */
export function identify(request: Request, authenticators: readonly Authenticator[]): UserInfo | Promise<UserInfo> {
  const authorization = request.headers.authorization ?? socketToken(request);
  const credentials = { certificate: certificateOf(request), authorization, headers: request.headers, rawHeaders: request.rawHeaders };
  return ask(credentials, authenticators, 0, false);
}
function ask(credentials: Credentials, authenticators: readonly Authenticator[], from: number, refused: boolean): UserInfo | Promise<UserInfo> {
  for (let i = from; i < authenticators.length; i++) {
    const verdict: Identification | Promise<Identification> = (authenticators[i] as Authenticator).authenticate(credentials);
    if (verdict instanceof Promise) return verdict.then((late) => late || ask(credentials, authenticators, i + 1, refused || late === false));
    if (verdict) return verdict;
    if (verdict === false) refused = true;
  }
  if (refused) throw new ApiError('Unauthorized', 'Unauthorized');
  return anonymous;
}

function certificateOf(request: Request): Buffer | undefined {
  const socket = request.socket as Socket & Partial<Pick<TLSSocket, 'getPeerX509Certificate'>>;
  const holder: object = 'stream' in request && request.stream.session ? request.stream.session : socket;
  let certificate = certificates.get(holder);
  if (certificate === undefined) {
    certificate = socket.getPeerX509Certificate?.()?.raw ?? null;
    certificates.set(holder, certificate);
  }
  return certificate ?? undefined;
}

const protocolPrefix = 'base64url.bearer.authorization.k8s.io.';
/**
 * Browsers cannot set Authorization on a WebSocket: they send the token as a subprotocol, which is taken off the
 * offer so that nobody chooses it.
 */
function socketToken(request: Request): string | undefined {
  const offered = request.headers['sec-websocket-protocol'];
  if (typeof offered !== 'string' || !offered.includes(protocolPrefix)) return undefined;
  const protocols = offered.split(',').map((protocol) => protocol.trim());
  const carrier = protocols.find((protocol) => protocol.startsWith(protocolPrefix)) ?? '';
  request.headers['sec-websocket-protocol'] = protocols.filter((protocol) => !protocol.startsWith(protocolPrefix)).join(', ');
  return `Bearer ${Buffer.from(carrier.slice(protocolPrefix.length), 'base64url').toString()}`;
}

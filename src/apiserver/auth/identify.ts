import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ApiError, type UserInfo } from '#machinery';
import type { Request } from '../http/types.ts';
import type { Authenticator } from '../types.ts';
import { anonymous } from './authenticators.ts';

/** Certificates belong to connections: looked at once for each. */
const certificates = new WeakMap<object, Buffer | null>();

/** Asks the authenticators in order; none of them knows = anonymous. Throws Unauthorized when credentials are bad. */
export function identify(request: Request, authenticators: readonly Authenticator[]): UserInfo {
  const credentials = { certificate: certificateOf(request), authorization: request.headers.authorization };
  let refused = false;
  for (const authenticator of authenticators) {
    const verdict = authenticator.authenticate(credentials);
    if (verdict) return verdict;
    if (verdict === false) refused = true;
  }
  if (refused || credentials.authorization !== undefined) throw new ApiError('Unauthorized', 'Unauthorized');
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

import type { OutgoingHttpHeaders } from 'node:http';
import type { Random } from '#base';
import type { UserInfo } from '#machinery';
import { proxyHeaders } from '../auth/request-header.ts';
import { serviceTarget, type Target, type TlsIdentity } from '../outbound/target.ts';
import type { ObjectReader } from '../types.ts';
import type { APIService } from './api-service.ts';

/** PEM of the certificate by which other API servers know this one as their front proxy. */
export interface ProxyClient {
  readonly cert: string;
  readonly key: string;
}

/** The server behind an APIService. */
export function peerOf({ spec }: APIService, reader: ObjectReader, random: Random, client: ProxyClient | undefined): Target {
  const { namespace = '', name = '', port = 443 } = spec?.service ?? {};
  const tls: TlsIdentity = {
    ca: spec?.caBundle ? Buffer.from(spec.caBundle, 'base64').toString() : undefined,
    insecure: spec?.insecureSkipTLSVerify === true,
    ...client,
  };
  return serviceTarget({ namespace, name, port }, tls, reader, random);
}

/** The headers by which the front proxy tells who asks (X-Remote-User …). */
export function identityHeaders({ username, uid, groups, extra = {} }: UserInfo): OutgoingHttpHeaders {
  const out: OutgoingHttpHeaders = { [proxyHeaders.username.toLowerCase()]: headerValue(username) };
  if (uid) out[proxyHeaders.uid.toLowerCase()] = headerValue(uid);
  if (groups.length > 0) out[proxyHeaders.group.toLowerCase()] = groups.map(headerValue);
  for (const [key, values] of Object.entries(extra)) out[`${proxyHeaders.extraPrefix}${escapeKey(key)}`.toLowerCase()] = values.map(headerValue);
  return out;
}
/** UTF-8 in a header, as Go writes it; what would end the header becomes a space. */
function headerValue(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what a header must not carry
  return Buffer.from(text.replace(/[\u0000-\u001f\u007f]/g, ' ')).toString('latin1');
}
/** Percent-encoded where a header's name allows no other way. */
function escapeKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) =>
      /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}

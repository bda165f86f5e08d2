import { formatAddress, Unreachable, type Address } from './target.ts';

interface NodeError extends Error {
  code?: string;
  cert?: { subjectaltname?: string; valid_to?: string };
  host?: string;
}
const connects: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
};
const verifications: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
  CERT_SIGNATURE_FAILURE: 'certificate signed by unknown authority',
};

/** The words that users of Kubernetes know a failed connection by (those of Go's net, tls and x509). */
export function failureText(error: unknown, address: Address | undefined, servername: string): string {
  const { code = '', message, cert, name } = error as NodeError;
  if (error instanceof Unreachable) return message;
  const at = address ? formatAddress(address) : servername;
  if (name === 'AbortError' || code === 'ABORT_ERR') return 'context canceled';
  if (connects[code]) return `dial tcp ${at}: connect: ${connects[code]}`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${address?.host ?? servername}: no such host`;
  if (verifications[code]) return `tls: failed to verify certificate: x509: ${verifications[code]}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `tls: failed to verify certificate: x509: ${wrongName(cert?.subjectaltname, servername)}`;
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return 'http: server gave HTTP response to HTTPS client';
  if (code.startsWith('ERR_OSSL_PEM')) return 'unable to load root certificates: unable to parse bytes as PEM block';
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'EOF';
  return message;
}
function wrongName(names: string | undefined, servername: string): string {
  const valid = (names ?? '')
    .split(', ')
    .map((name) => name.replace(/^(DNS|IP Address):/, ''))
    .filter(Boolean);
  return valid.length === 0
    ? `certificate is not valid for any names, but wanted to match ${servername}`
    : `certificate is valid for ${valid.join(', ')}, not ${servername}`;
}

/** The text of an HTTP answer that is no success, as client-go tells it. */
export function statusText(status: number, body: string): string {
  const told = statusMessage(body);
  if (told) return told;
  const server = body.trim() || 'unknown';
  switch (status) {
    case 400:
      return 'the server rejected our request for an unknown reason';
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 403:
      return server;
    case 404:
      return 'the server could not find the requested resource';
    case 405:
      return 'the server does not allow this method on the requested resource';
    case 406:
    case 415:
      return server;
    case 409:
      return 'the server reported a conflict';
    case 429:
      return 'the server has received too many requests and has asked us to try again later';
    case 503:
      return 'the server is currently unable to handle the request';
    case 504:
      return 'the server was unable to return a response in the time allotted, but may still be processing the request';
    default:
      return status >= 500
        ? `an error on the server (${JSON.stringify(server)}) has prevented the request from succeeding`
        : `the server responded with the status code ${status} but did not return more information`;
  }
}
function statusMessage(body: string): string | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const { kind, message } = JSON.parse(body) as { kind?: unknown; message?: unknown };
    return kind === 'Status' && typeof message === 'string' && message !== '' ? message : undefined;
  } catch {
    return undefined;
  }
}

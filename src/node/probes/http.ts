import type { OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { http, type Clock } from '#base';

export interface HttpTarget {
  host: string;
  port: number;
  path: string;
  scheme: string;
  headers: { name: string; value: string }[];
  timeoutMs: number;
}
export type ProbeResult = { ok: boolean; output: string };

/** One GET; 200–399 is success. Certificates are not verified and redirects to other hosts count as success, as in kubelet. */
export async function httpGet(target: HttpTarget, clock: Clock, userAgent = 'kube-probe/1.36'): Promise<ProbeResult> {
  const url = new URL(`${target.scheme.toLowerCase()}://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`);
  try {
    return await follow(new URL(target.path.startsWith('/') ? target.path : `/${target.path}`, url), target, clock, userAgent, 0);
  } catch (error) {
    return { ok: false, output: `Get "${url.origin}${target.path}": ${error instanceof Error ? error.message : String(error)}` };
  }
}
async function follow(url: URL, target: HttpTarget, clock: Clock, userAgent: string, depth: number): Promise<ProbeResult> {
  const answer = await get(url, target, clock, userAgent);
  const location = answer.status >= 300 && answer.status < 400 ? answer.location : undefined;
  if (location && depth < 10) {
    const next = new URL(location, url);
    if (next.hostname === url.hostname) return follow(next, target, clock, userAgent, depth + 1);
  }
  if (answer.status >= 200 && answer.status < 400) return { ok: true, output: answer.body };
  return { ok: false, output: `HTTP probe failed with statuscode: ${answer.status}` };
}

function get(url: URL, target: HttpTarget, clock: Clock, userAgent: string): Promise<{ status: number; body: string; location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers: OutgoingHttpHeaders = { 'User-Agent': userAgent, Accept: '*/*', Connection: 'close' };
    for (const { name, value } of target.headers) headers[name] = value;
    const client = url.protocol === 'https:' ? https : http;
    const request = client.request(url, { method: 'GET', headers, agent: false, rejectUnauthorized: false } as https.RequestOptions, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (body.length < 10_240) body += chunk;
      });
      response.on('end', () => finish(() => resolve({ status: response.statusCode ?? 0, body, location: response.headers.location })));
      response.on('error', (error) => finish(() => reject(error)));
    });
    const timer = clock.after(target.timeoutMs, () => {
      finish(() => reject(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')));
      request.destroy();
    });
    function finish(settle: () => void): void {
      timer.cancel();
      settle();
    }
    request.on('error', (error) => finish(() => reject(describe(error, url))));
    request.end();
  });
}
/** Go's wording for the errors users search for. */
export function describe(error: NodeJS.ErrnoException, at: { hostname: string; port: string | number }): Error {
  const where = `dial tcp ${at.hostname}:${at.port}: `;
  if (error.code === 'ECONNREFUSED') return new Error(`${where}connect: connection refused`);
  if (error.code === 'EHOSTUNREACH') return new Error(`${where}connect: no route to host`);
  if (error.code === 'ECONNRESET') return new Error('read: connection reset by peer');
  return error;
}

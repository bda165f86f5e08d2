import type { ClientRequest, IncomingMessage } from 'node:http';
import { http, type Clock } from '#base';

/** The body of a page. Rejects when there is none in time. */
export type Fetch = (url: string) => Promise<string>;

const timeoutMs = 10_000;
const maxBytes = 16 * 1024 * 1024;

/** Connections are kept between scrapes. Certificates of pods are not verified: nobody says by whom they are signed. */
export function createFetch(clock: Clock): { fetch: Fetch; close(): void } {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 128 });
  const open = (url: string, answered: (response: IncomingMessage) => void): ClientRequest => {
    const headers = { accept: 'text/plain;version=0.0.4;q=1,*/*;q=0.1', 'user-agent': 'batuta' };
    if (!url.startsWith('https:')) return http.get(url, { agent, headers }, answered);
    return process.getBuiltinModule('node:https').get(url, { rejectUnauthorized: false, headers }, answered);
  };
  const fetch: Fetch = (url) =>
    new Promise((resolve, reject) => {
      const request = open(url, (response) => collect(response).then(resolve, reject));
      const timer = clock.after(timeoutMs, () => request.destroy(new Error('no answer in time')));
      request.once('error', reject);
      request.once('close', () => timer.cancel());
    });
  return { fetch, close: () => agent.destroy() };
}
async function collect(response: IncomingMessage): Promise<string> {
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`server returned HTTP status ${response.statusCode}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new Error(`the page is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size).toString();
}

import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { EcrDeps } from './ecr.ts';

/** What is wrong with an upstream: it does not answer, or refuses. */
export class UpstreamError extends Error {}

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** Registries on this machine speak plain HTTP, as ours does. */
const baseOf = (host: string): string => (/^(?:localhost|[^:]+\.localhost|127\.\d+\.\d+\.\d+)(?::\d+)?$/.test(host) ? `http://${host}` : `https://${host}`);

type Fetch = Pick<EcrDeps, 'fetch'>;

/** Undefined: it speaks the protocol. Otherwise what is wrong. */
export async function upstreamAnswers({ fetch }: Fetch, host: string): Promise<string | undefined> {
  try {
    const answer = await fetch(`${baseOf(host)}/v2/`, { headers: {} });
    return answer.status === 200 || answer.status === 401 ? undefined : `the upstream registry answered with status ${answer.status}`;
  } catch (error) {
    return `the upstream registry cannot be reached: ${(error as Error).message}`;
  }
}

/** One repository of another registry, read without credentials; where it wants a token, one for nobody is fetched. */
export class Upstream {
  readonly #fetch: EcrDeps['fetch'];
  readonly #base: string;
  #token: string | undefined;

  constructor({ fetch }: Fetch, host: string, name: string) {
    this.#fetch = fetch;
    this.#base = `${baseOf(host)}/v2/${name}`;
  }
  /** Undefined: it has none such. */
  async manifest(reference: string): Promise<{ content: Buffer; mediaType: string } | undefined> {
    const answer = await this.#get(`/manifests/${reference}`, accept);
    if (answer.status === 404) return undefined;
    if (!answer.ok) throw new UpstreamError(`the upstream registry answered with status ${answer.status}`);
    return { content: Buffer.from(await answer.arrayBuffer()), mediaType: answer.headers.get('content-type') ?? '' };
  }
  async blob(digest: string): Promise<Readable> {
    const answer = await this.#get(`/blobs/${digest}`, '*/*');
    if (!answer.ok || !answer.body) throw new UpstreamError(`the upstream registry answered with status ${answer.status} for ${digest}`);
    return Readable.fromWeb(answer.body as ReadableStream<Uint8Array>);
  }
  async #get(path: string, wanted: string): Promise<Response> {
    const ask = (): Promise<Response> =>
      this.#fetch(this.#base + path, { headers: { accept: wanted, ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }) } });
    try {
      const answer = await ask();
      const challenge = answer.headers.get('www-authenticate');
      if (answer.status !== 401 || !challenge?.toLowerCase().startsWith('bearer ')) return answer;
      this.#token = await this.#anonymousToken(challenge);
      return await ask();
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      throw new UpstreamError(`the upstream registry cannot be reached: ${(error as Error).message}`);
    }
  }
  async #anonymousToken(challenge: string): Promise<string> {
    const parts = Object.fromEntries([...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map((m) => [m[1] as string, m[2] as string]));
    const url = new URL(parts['realm'] ?? '');
    for (const key of ['service', 'scope']) if (parts[key] !== undefined) url.searchParams.set(key, parts[key]);
    const answer = await this.#fetch(url.href, { headers: {} });
    const body = answer.ok ? ((await answer.json()) as { token?: string; access_token?: string }) : {};
    const token = body.token ?? body.access_token;
    if (token === undefined) throw new UpstreamError(`the upstream registry gives no token to anonymous clients (status ${answer.status})`);
    return token;
  }
}

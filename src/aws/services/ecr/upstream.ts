import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { EcrPullThroughCacheRule } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import type { EcrDeps } from './ecr.ts';
import { readCredentials } from './upstream-credentials.ts';

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

type Deps = Pick<EcrDeps, 'fetch' | 'secret'>;

/** Undefined: it speaks the protocol. Otherwise what is wrong. */
export async function upstreamAnswers(deps: Deps, rule: Pick<EcrPullThroughCacheRule, 'upstreamRegistryUrl' | 'credentialArn'>): Promise<string | undefined> {
  try {
    const { status } = await new Upstream(deps, rule, '').base();
    // Whoever has no credentials is asked for a login at this address, and may pull all the same.
    return status === 200 || (status === 401 && rule.credentialArn === undefined) ? undefined : refusedWith(status);
  } catch (error) {
    if (error instanceof UpstreamError || error instanceof AwsError) return error.message;
    throw error;
  }
}
const refusedWith = (status: number): string => `the upstream registry answered with status ${status}`;

/** One repository of another registry, read with the credentials of its rule, or with none; where it wants a token, one is fetched. */
export class Upstream {
  readonly #deps: Deps;
  readonly #credentialArn: string | undefined;
  readonly #base: string;
  #authorization: string | undefined;

  constructor(deps: Deps, { upstreamRegistryUrl, credentialArn }: Pick<EcrPullThroughCacheRule, 'upstreamRegistryUrl' | 'credentialArn'>, name: string) {
    this.#deps = deps;
    this.#credentialArn = credentialArn;
    this.#base = `${baseOf(upstreamRegistryUrl)}/v2/${name}`;
  }
  /** What it says to who asks for nothing. */
  base(): Promise<Response> {
    return this.#get('', '*/*');
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
    const { fetch } = this.#deps;
    const ask = (): Promise<Response> =>
      fetch(this.#base + path, { headers: { accept: wanted, ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }) } });
    try {
      const answer = await ask();
      const challenge = answer.headers.get('www-authenticate') ?? '';
      if (answer.status !== 401) return answer;
      const next = await this.#answerTo(challenge);
      if (next === undefined) return answer;
      this.#authorization = next;
      return await ask();
    } catch (error) {
      if (error instanceof UpstreamError || error instanceof AwsError) throw error;
      throw new UpstreamError(`the upstream registry cannot be reached: ${(error as Error).message}`);
    }
  }
  /** What to say to a challenge; undefined: there is nothing that we could. */
  async #answerTo(challenge: string): Promise<string | undefined> {
    const credentials = this.#credentialArn === undefined ? undefined : await readCredentials(this.#deps, this.#credentialArn);
    const basic = credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.accessToken}`).toString('base64')}`;
    if (!/^bearer /i.test(challenge)) return basic;
    const parts = Object.fromEntries([...challenge.matchAll(/([a-z]+)="([^"]*)"/g)].map((m) => [m[1] as string, m[2] as string]));
    const url = new URL(parts['realm'] ?? '');
    for (const key of ['service', 'scope']) if (parts[key] !== undefined) url.searchParams.set(key, parts[key]);
    const answer = await this.#deps.fetch(url.href, { headers: basic === undefined ? {} : { authorization: basic } });
    const body = answer.ok ? ((await answer.json()) as { token?: string; access_token?: string }) : {};
    const token = body.token ?? body.access_token;
    const who = basic === undefined ? 'to anonymous clients' : 'for the credentials of its rule';
    if (token === undefined) throw new UpstreamError(`the upstream registry gives no token ${who} (status ${answer.status})`);
    return `Bearer ${token}`;
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { FakeClock, seededRandom, silentLogger, systemClock } from '#base';
import { startRegistry, type RegistryServer, type RegistryServerOptions } from './server.ts';

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
  json(): unknown;
  /** The first error code of the body. */
  code(): string | undefined;
}
export interface TestRegistry {
  readonly url: string;
  readonly dir: string;
  readonly clock: FakeClock;
  server: RegistryServer;
  call(method: string, path: string, options?: { body?: Buffer | string; headers?: Record<string, string> }): Promise<Answer>;
  /** Pushes a blob whole; gives its digest. */
  blob(repository: string, content: Buffer | string): Promise<string>;
  /** Pushes an image of one layer; gives the digest of its manifest. */
  image(repository: string, reference: string, options?: { layer?: string; extra?: object }): Promise<string>;
  /** Stops it and starts it again over the same directory. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const sha = (content: Buffer | string, algorithm = 'sha256'): string => `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;
export const imageType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
export const emptyType = 'application/vnd.oci.empty.v1+json';

/** A registry on a free port over a temporary directory. Everybody may do everything unless told otherwise. */
export async function testRegistry(options: Partial<RegistryServerOptions> = {}): Promise<TestRegistry> {
  const dir = mkdtempSync(join(tmpdir(), 'batuta-registry-'));
  // Files have the time of the machine: the clock starts with it.
  const clock = new FakeClock(systemClock.now());
  let seed = 1;
  const start = (): Promise<RegistryServer> =>
    startRegistry({ dir, listen: ['127.0.0.1'], port: 0, authorize: () => {}, clock, random: seededRandom(seed++), log: silentLogger, ...options });
  const mine = {
    dir,
    clock,
    server: await start(),
    get url(): string {
      return `http://127.0.0.1:${mine.server.port}`;
    },
    async call(method: string, path: string, { body, headers = {} }: { body?: Buffer | string; headers?: Record<string, string> } = {}): Promise<Answer> {
      const init = {
        method,
        headers,
        redirect: 'manual' as const,
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      };
      const response = await fetch(path.startsWith('http') ? path : mine.url + path, init);
      const bytes = Buffer.from(await response.arrayBuffer());
      const json = (): unknown => JSON.parse(bytes.toString());
      return {
        status: response.status,
        headers: response.headers,
        body: bytes,
        json,
        code: () => (json() as { errors: { code: string }[] }).errors[0]?.code,
      };
    },
    async blob(repository: string, content: Buffer | string): Promise<string> {
      const digest = sha(content);
      const pushed = await mine.call('POST', `/v2/${repository}/blobs/uploads/?digest=${digest}`, { body: content });
      if (pushed.status !== 201) throw new Error(`push of a blob: ${pushed.status} ${pushed.body.toString()}`);
      return digest;
    },
    async image(repository: string, reference: string, { layer = 'layer', extra = {} }: { layer?: string; extra?: object } = {}): Promise<string> {
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: imageType,
        config: { mediaType: emptyType, digest: await mine.blob(repository, '{}'), size: 2 },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: await mine.blob(repository, layer), size: Buffer.byteLength(layer) }],
        ...extra,
      });
      const digest = sha(manifest);
      const pushed = await mine.call('PUT', `/v2/${repository}/manifests/${reference || digest}`, { body: manifest, headers: { 'content-type': imageType } });
      if (pushed.status !== 201) throw new Error(`push of a manifest: ${pushed.status} ${pushed.body.toString()}`);
      return digest;
    },
    async restart(): Promise<void> {
      await mine.server.stop();
      mine.server = await start();
    },
    async stop(): Promise<void> {
      await mine.server.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return mine;
}

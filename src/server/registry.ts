import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import { systemClock, systemRandom, type Logger } from '#base';
import type { Aws, EcrDeps } from '#aws';
import type { Client } from '#client';
import { BlobFiles, openScanner, registryLayout, startRegistry, type RegistryServer, type ScanEvent } from '#registry';
import { connectEcr } from './ecr.ts';
import { doorAddress } from './ecr-hosts.ts';
import { imageName } from './image-name.ts';
import { imagesInUse } from './images-in-use.ts';
import { keyFile } from './key-file.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';
import { blobsOf, shareBlobs } from './shared-blobs.ts';
import { version } from './version.ts';

export interface InstanceRegistry extends RegistryServer {
  /** What ECR is made of; asked for when the first call or request of ECR comes. */
  ecr(): Promise<Omit<EcrDeps, 'state' | 'events'>>;
  /** hosts.toml of containerd for a host of an image name, where this registry answers for it. */
  hostsOf(host: string): string | undefined;
  /** Gives what this registry has of an image to a containerd, by links into its content store. Never rejects. */
  share(image: string, contentStore: string): Promise<void>;
}

/**
 * Starts the instance's registry, on loopback alone. Under `localhost` and 127.0.0.1 it is the plain registry that
 * people run beside their builds: who reaches it may push and pull. Under the names of ECR it is ECR: every request
 * needs a login, and IAM decides (docs/decisions/028-two-doors-of-the-registry.md).
 */
export async function openRegistry(given: { options: UpOptions; paths: Paths; log: Logger; client: Client; aws(): Promise<Aws> }): Promise<InstanceRegistry> {
  const { options, paths, client } = given;
  const log = given.log.named('registry');
  const dir = join(paths.data, 'registry');
  const key = keyFile(dir, 'key');
  const door = connectEcr({ aws: given.aws, key, account: options.account, log });
  const scanEnded = (event: ScanEvent): void => {
    reportScan(event, log);
    door.onScan(event);
  };
  const scanner = openScanner({ dir, clock: systemClock, log: log.named('scanner'), version, onEvent: scanEnded });
  const server = await startRegistry({
    dir,
    listen: process.platform === 'linux' ? ['127.0.0.1', doorAddress] : ['127.0.0.1'],
    port: options.registryPort,
    authorize: door.authorize,
    registryOf: door.registryOf,
    recordsPull: door.recordsPull,
    rules: door.rules,
    onEvent(event) {
      scanner.observe(event);
      door.onEvent(event);
    },
    clock: systemClock,
    random: systemRandom,
    log,
  });
  const files = new BlobFiles(registryLayout(dir).blobs);
  door.start(server.registry);
  scanner.start();
  const ecr = async (): Promise<Omit<EcrDeps, 'state' | 'events'>> => {
    const { createSealer } = await import('#aws');
    return {
      images: server.registry,
      clock: systemClock,
      log: log.named('ecr'),
      sealer: createSealer(key, 'ecr'),
      hostOf: await hostNames(server.port),
      usedBy: imagesInUse(client),
      fetch: (url, init) => fetch(url, init),
      scans: scanner,
      opened: door.opened,
    };
  };
  return {
    ...server,
    ecr,
    hostsOf: (host) => door.hostsOf(host, server.port),
    async share(image, contentStore) {
      const { host, repository: path, reference } = imageName(image);
      if (host === undefined) return;
      const plain = [`localhost:${server.port}`, `127.0.0.1:${server.port}`].includes(host);
      const name = plain ? '' : await door.registryOfImage(host, path).catch(() => undefined);
      if (name === undefined) return;
      await shareBlobs(files, contentStore, blobsOf(server.registry, { repository: { registry: name, name: path }, reference }));
    },
    async stop() {
      door.stop();
      await scanner.stop();
      await server.stop();
    },
  };
}

function reportScan({ type, record }: ScanEvent, log: Logger): void {
  const { repository, digest, status, counts, description } = record;
  if (type === 'scan-failed') log.warn('scan of an image failed', { repository, digest, status, why: description });
  else log.info('image was scanned', { type, repository, digest, status, counts });
}

/** `.localhost` needs no configuration where the machine resolves it (RFC 6761); elsewhere the address stands in, and the login says whose registry is meant. */
async function hostNames(port: number): Promise<EcrDeps['hostOf']> {
  const addresses = await lookup('000000000000.dkr.ecr.us-east-1.localhost', { all: true }).catch(() => []);
  const resolves = addresses.some(({ address }) => address === '127.0.0.1');
  return ({ account, region }) => (resolves || process.platform !== 'linux' ? `${account}.dkr.ecr.${region}.localhost:${port}` : `${doorAddress}:${port}`);
}

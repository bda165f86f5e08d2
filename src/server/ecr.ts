import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { systemClock, type Logger, type Timer } from '#base';
import type { Aws, EcrDoor } from '#aws';
import {
  RegistryError,
  type ErrorCode,
  type AccessRequest,
  type Authorize,
  type Registry,
  type RegistryEvent,
  type RegistryRules,
  type ScanEvent,
} from '#registry';
import { meant } from './ecr-hosts.ts';

/** What a registry asks of ECR. */
export interface EcrConnection {
  readonly authorize: Authorize;
  recordsPull(request: AccessRequest): boolean | Promise<boolean>;
  readonly rules: RegistryRules;
  registryOf(request: IncomingMessage, repository: string | undefined): string | Promise<string>;
  onEvent(event: RegistryEvent): void;
  onScan(event: ScanEvent): void;
  hostsOf(host: string, port: number): string | undefined;
  /** ECR is loaded: whoever called it first may write images. */
  opened(ecr: EcrDoor): void;
  /** The registry that an image name of a node means; undefined: none of this instance. */
  registryOfImage(host: string, repository: string): Promise<string | undefined>;
  /** From now on carries out lifecycle policies, and soon goes on with replications. */
  start(registry: Registry): void;
  stop(): void;
}

const MINUTE = 60 * 1000;
const HOUR = 60 * MINUTE;
/** Header that containerd of this instance sends with its pulls; its value is a secret of the instance. */
const nodeHeader = 'x-batuta-node';
/** Asked for by login, without one: the challenge needs no registry. */
const unknownRegistry = (account: string): string => `${account}/us-east-1`;

/** Joins the registry, which knows nothing of AWS, and ECR, of which nothing is loaded until somebody asks for it. */
export function connectEcr({ aws, key, account, log }: { aws(): Promise<Aws>; key: Buffer; account: string; log: Logger }): EcrConnection {
  const nodeSecret = createHmac('sha256', key).update('node').digest('hex');
  let opened: EcrDoor | undefined;
  const door = async (): Promise<EcrDoor> => {
    const found = opened ?? (await (await aws()).ecr());
    opened = found;
    return found;
  };
  const isNode = ({ headers }: IncomingMessage): boolean => {
    const given = Buffer.from(String(headers[nodeHeader] ?? ''));
    return given.length === nodeSecret.length && timingSafeEqual(given, Buffer.from(nodeSecret));
  };
  let timer: Timer | undefined;
  let stopped = false;

  return {
    opened(ecr) {
      opened = ecr;
    },
    registryOf(request, repository) {
      const query = queryOf(request);
      const what = meant(request.headers.host ?? '', query.get('ns') ?? undefined);
      if (what === undefined) return '';
      if ('place' in what) return `${what.place.account}/${what.place.region}`;
      const node = isNode(request);
      const authorization = node ? undefined : request.headers.authorization;
      const token = query.get('token') ?? undefined;
      if (!node && authorization === undefined && token === undefined) return unknownRegistry(account);
      return door().then((ecr) => ecr.registryOf(authorization, token, node ? repository : undefined) ?? unknownRegistry(account));
    },
    async authorize(request) {
      if (request.registry === '' || (request.action === 'pull' && isNode(request.message))) return;
      const ecr = await door();
      await refusing(() => ecr.authorize(toDoor(request)));
    },
    recordsPull(request) {
      if (request.registry === '' || isNode(request.message)) return true;
      return opened ? opened.recordsPull(toDoor(request)) : door().then((ecr) => ecr.recordsPull(toDoor(request)));
    },
    rules: {
      create: async (registry, repository) => (registry === '' ? undefined : refusing(async () => (await door()).create(registry, repository))),
      tag(registry, repository, tag, digest, current) {
        if (registry === '') return;
        if (!opened) throw new Error('ECR is not open'); // whoever writes to it has opened it
        try {
          opened.tag(registry, repository, tag, digest, current);
        } catch (error) {
          throw toRegistryError(error);
        }
      },
      missing: (registry, repository, reference) =>
        registry === '' ? undefined : refusing(async () => (await door()).missing(registry, repository, reference)),
    },
    onEvent(event) {
      if (event.registry === '' || event.type === 'manifest-pulled') return;
      const { registry, repository, digest } = event;
      const told = (ecr: EcrDoor): Promise<void> => {
        if (event.type === 'manifest-pushed') return ecr.pushed(registry, repository, digest, event.tag);
        return ecr.deleted(registry, repository, digest, event.type === 'tag-deleted' ? [event.tag] : event.tags);
      };
      door()
        .then(told)
        .catch((error: unknown) => log.error(`what follows ${event.type} failed`, { repository, digest, error }));
    },
    onScan(event) {
      if (event.record.registry === '') return;
      const { repository, digest } = event.record;
      door()
        .then((ecr) => ecr.scanned(event))
        .catch((error: unknown) => log.error('a scan was not told of', { repository, digest, error }));
    },
    hostsOf(host, port) {
      if (meant(host, undefined) === undefined) return undefined;
      const here = `http://127.0.0.1:${port}`;
      return [
        `server = ${JSON.stringify(`https://${host}`)}`,
        `[host.${JSON.stringify(here)}]`,
        '  capabilities = ["pull", "resolve"]',
        `  [host.${JSON.stringify(here)}.header]`,
        `    ${nodeHeader} = ${JSON.stringify(nodeSecret)}`,
        '',
      ].join('\n');
    },
    async registryOfImage(host, repository) {
      const what = meant(host, undefined);
      if (what === undefined) return undefined;
      if ('place' in what) return `${what.place.account}/${what.place.region}`;
      return (await door()).registryOf(undefined, undefined, repository);
    },
    start(registry) {
      const isUsed = (): boolean => registry.registries().some((name) => name !== '');
      const run = (): void => {
        if (stopped) return;
        timer = systemClock.after(HOUR, run);
        if (!isUsed()) return;
        door()
          .then((ecr) => ecr.runLifecycles())
          .catch((error: unknown) => log.error('lifecycle policies failed', { error }));
      };
      // Replications that the last run left go on when ECR is open; after the start is over.
      timer = systemClock.after(MINUTE, () => {
        timer = systemClock.after(HOUR, run);
        if (!stopped && isUsed()) door().catch((error: unknown) => log.error('ECR could not be opened', { error }));
      });
    },
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

function queryOf(request: IncomingMessage): URLSearchParams {
  const { url = '' } = request;
  const mark = url.indexOf('?');
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
}
function toDoor({ message, registry, repository, operation, reference, into }: AccessRequest): Parameters<EcrDoor['authorize']>[0] {
  const [account = '', region = ''] = registry.split('/');
  return {
    place: { account, region },
    repository,
    operation,
    reference,
    into,
    authorization: message.headers.authorization,
    layerToken: queryOf(message).get('token') ?? undefined,
    ip: message.socket.remoteAddress ?? '',
    host: message.headers.host ?? '',
    userAgent: message.headers['user-agent'] ?? '',
  };
}
/** Recognized by its name: its class would load the AWS APIs. */
interface Refusal extends Error {
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;
}
const isRefusal = (error: unknown): error is Refusal => error instanceof Error && error.name === 'Refusal';
const toRegistryError = (error: unknown): unknown =>
  isRefusal(error) ? new RegistryError(error.code, error.message, undefined, { headers: { ...error.headers } }) : error;
async function refusing<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toRegistryError(error);
  }
}

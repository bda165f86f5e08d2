import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom, type Logger } from '#base';
import type { AuditRecord, Aws, AwsEvent, EcrDeps } from '#aws';
import { openLineLog } from './line-log.ts';
import { openWebhook } from './webhook.ts';
import { issuerKeys } from './aws-issuers.ts';
import { version } from './version.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Client } from '#client';
import { keyFile } from './key-file.ts';
import { UserError } from './errors.ts';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';

export interface AwsEndpoint {
  /** Where clients reach it. */
  readonly url: string;
  readonly port: number;
  /** Loads the APIs, if that has not been done. */
  aws(): Promise<Aws>;
  /** Deletes all state of the AWS APIs. Rejects when `up` was not told to allow it. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** Answers the AWS APIs. Nothing of them is loaded before the first request. */
export async function openAwsEndpoint({
  options,
  paths,
  log,
  client,
  issuer: own,
  ecr,
}: {
  options: UpOptions;
  paths: Paths;
  log: Logger;
  client: Client;
  issuer: ControlPlane['issuer'];
  /** What ECR needs of the registry. */
  ecr?: () => Promise<Omit<EcrDeps, 'state' | 'events'> | undefined>;
}): Promise<AwsEndpoint> {
  let opening: Promise<Aws> | undefined;
  const s3Dir = join(paths.data, 's3');
  const audit = openLineLog<AuditRecord>(paths.awsAudit);
  const events = openLineLog<AwsEvent>(paths.awsEvents);
  const webhook =
    options.eventWebhook === undefined ? undefined : openWebhook({ url: options.eventWebhook, clock: systemClock, log: log.named('webhook'), fetch });
  const open = async (): Promise<Aws> => {
    const { openAws } = await import('#aws');
    return openAws({
      client,
      account: options.account,
      key: keyFile(paths.data, 'aws.key'),
      version,
      allowReset: options.allowReset,
      origins: options.awsOrigins,
      issuerKeys: (issuer) => issuerKeys(own, issuer),
      clock: systemClock,
      random: systemRandom,
      log: log.named('aws'),
      audit: (record) => audit.write(record),
      onEvent(event) {
        events.write(event);
        webhook?.send(event);
      },
      ecr: await ecr?.(),
      s3Dir,
    });
  };
  const opened = (): Promise<Aws> => {
    opening ??= open();
    opening.catch(() => (opening = undefined)); // the next request tries again
    return opening;
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    opened()
      .then((aws) => aws.handle(request, response))
      .catch((error: unknown) => fail(log, request, response, error));
  };
  const everywhere = options.listen === '0.0.0.0' || options.listen === '::';
  const [first = '127.0.0.1', ...others] = everywhere ? [options.listen] : [...new Set(['127.0.0.1', options.listen])];
  const main = await listen(first, options.awsPort, handle);
  const servers = [main];
  const { port } = main.address() as AddressInfo;
  for (const host of others) servers.push(await listen(host, port, handle));
  // Lifecycle rules of buckets go on without a call; after the start is over.
  const care = existsSync(s3Dir)
    ? systemClock.after(
        60_000,
        () =>
          void opened().then(
            (aws) => aws.s3(),
            () => {},
          ),
      )
    : undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    aws: opened,
    async reset() {
      if (!options.allowReset) throw new UserError('reset is not allowed: start the instance with --allow-reset');
      await (await opened()).reset();
    },
    async stop() {
      care?.cancel();
      await Promise.all(servers.map(close));
      await opening?.then(
        (aws) => aws.close(),
        () => {},
      );
      audit.close();
      events.close();
      webhook?.close();
    },
  };
}

function fail(log: Logger, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  log.error('an AWS request failed', { url: request.url, error });
  if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
  response.end();
}

/** Clients keep connections for minutes; ours must not end between two of their requests. */
const keepAliveMs = 120_000;

function listen(host: string, port: number, handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<Server> {
  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 }, handle);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger, Random } from '#base';
import type { Client } from '#client';
import type { AuditRecord } from './gateway/audit.ts';
import { Gateway } from './gateway/gateway.ts';
import { rootOnly } from './iam/identities.ts';
import { services } from './services/index.ts';
import { createState, type State } from './state/state.ts';

export interface AwsOptions {
  readonly client: Client;
  readonly account: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  audit(record: AuditRecord): void;
}

/** The AWS APIs of an instance. */
export interface Aws {
  readonly state: State;
  handle(message: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function openAws({ client, account, clock, random, log, audit }: AwsOptions): Aws {
  const state = createState(client);
  const partition = 'aws';
  const gateway = new Gateway({ state, identities: rootOnly(account, partition), services, pages: [], partition, clock, random, log, audit });
  return { state, handle: (message, response) => gateway.handle(message, response) };
}

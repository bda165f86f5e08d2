import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Logger, Random } from '#base';
import type { Client } from '#client';
import type { AuditRecord } from './gateway/audit.ts';
import { Gateway } from './gateway/gateway.ts';
import { rootOnly } from './iam/identities.ts';
import type { EcrDeps } from './services/ecr/ecr.ts';
import type { EcrDoor } from './services/ecr/open.ts';
import { ecrRoute } from './services/ecr/route.ts';
import { services } from './services/index.ts';
import { createState, type State } from './state/state.ts';

export interface AwsOptions {
  readonly client: Client;
  readonly account: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  audit(record: AuditRecord): void;
  /** Undefined: there is no registry of images, and so no ECR. */
  readonly ecr?: Omit<EcrDeps, 'state'> | undefined;
}

/** The AWS APIs of an instance. */
export interface Aws {
  readonly state: State;
  /** ECR as its registry sees it. */
  ecr(): Promise<EcrDoor>;
  handle(message: IncomingMessage, response: ServerResponse): Promise<void>;
}

export function openAws({ client, account, clock, random, log, audit, ecr: ecrDeps }: AwsOptions): Aws {
  const state = createState(client);
  const partition = 'aws';
  const identities = rootOnly(account, partition);
  const ecr = ecrDeps && ecrRoute({ ...ecrDeps, state }, { identities, clock, random, log });
  const all = [...services, ...(ecr ? [ecr.route] : [])];
  const gateway = new Gateway({ state, identities, services: all, pages: [], partition, clock, random, log, audit });
  return {
    state,
    ecr: async () => {
      if (!ecr) throw new Error('this instance has no registry');
      return ecr.door();
    },
    handle: (message, response) => gateway.handle(message, response),
  };
}

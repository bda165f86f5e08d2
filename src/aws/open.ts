import type { IncomingMessage, ServerResponse } from 'node:http';
import type { JsonWebKey } from 'node:crypto';
import type { Clock, Logger, Random } from '#base';
import type { Client } from '#client';
import { coverageOf, type ServiceCoverage } from './coverage.ts';
import type { AuditRecord } from './gateway/audit.ts';
import type { IdentityFacts } from './gateway/call.ts';
import { Gateway } from './gateway/gateway.ts';
import { EventBus, type AwsEvent } from './events/bus.ts';
import type { EcrDeps } from './services/ecr/ecr.ts';
import type { EcrDoor } from './services/ecr/open.ts';
import { ecrRoute } from './services/ecr/route.ts';
import { s3Route } from './services/s3/route.ts';
import { pageAccess } from './gateway/cors.ts';
import type { Page } from './gateway/pages.ts';
import { healthPages } from './gateway/health.ts';
import { resetPages } from './gateway/reset.ts';
import { StoredIdentities } from './iam/identities.ts';
import { createSealer } from './iam/keys.ts';
import { issuerPages } from './iam/outbound.ts';
import { RoleUse } from './iam/role-use.ts';
import { UseLog } from './iam/use-log.ts';
import { services } from './services/index.ts';
import { createState, type State } from './state/state.ts';

export interface AwsOptions {
  readonly client: Client;
  readonly account: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** 32 bytes that stay with the instance: secrets and session tokens are sealed with them. */
  readonly key: Uint8Array;
  readonly version: string;
  /** Whether all state may be deleted by a request. */
  readonly allowReset: boolean;
  /** Origins of pages that may call with whatever key, as `https://console.example`. Default: none. */
  readonly origins?: readonly string[] | undefined;
  /** Public keys of an issuer of tokens. Rejects when they cannot be had. */
  issuerKeys(issuer: string): Promise<readonly (JsonWebKey & { readonly kid?: string })[]>;
  audit(record: AuditRecord): void;
  /** Gets every event that services put on the bus. */
  onEvent?(event: AwsEvent): void;
  /** Undefined: there is no registry of images, and so no ECR. */
  readonly ecr?: Omit<EcrDeps, 'state' | 'events'> | undefined;
  /** Directory of S3's objects. Undefined: there is no S3. */
  readonly s3Dir?: string | undefined;
}

/** The AWS APIs of an instance. */
export interface Aws {
  readonly state: State;
  /** What services tell of; EventBridge's default buses, once there is an EventBridge. */
  readonly events: EventBus;
  /** ECR as its registry sees it. */
  ecr(): Promise<EcrDoor>;
  readonly identity: IdentityFacts;
  /** Opens the objects of S3: from then on lifecycle rules are carried out. */
  s3(): Promise<void>;
  /** Closes what has files open. */
  close(): Promise<void>;
  handle(message: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Deletes all state of all services. */
  reset(): Promise<void>;
  coverage(): Promise<ServiceCoverage[]>;
}

export function openAws({
  client,
  account,
  clock,
  random,
  log,
  key,
  version,
  allowReset,
  origins = [],
  issuerKeys,
  audit,
  onEvent,
  ecr: ecrDeps,
  s3Dir,
}: AwsOptions): Aws {
  const state = createState(client);
  const partition = 'aws';
  const [secrets, tokens] = [createSealer(key, 'secrets'), createSealer(key, 'session tokens')];
  const uses = new UseLog(state, clock, log);
  const roleUse = new RoleUse(state, clock, log);
  const identity: IdentityFacts = {
    identities: new StoredIdentities({ state, account, partition, secrets, tokens }),
    secrets,
    tokens,
    useOf: (of, id) => uses.of(of, id),
    roleUsed: (arn) => roleUse.note(arn),
    issuerKeys,
  };
  const used: UseLog['note'] = (...use) => uses.note(...use);
  const events = new EventBus({ clock, random, log });
  if (onEvent) events.subscribe(onEvent);
  const ecr = ecrDeps && ecrRoute({ ...ecrDeps, state, events }, { identities: identity.identities, clock, random, log });
  const s3 = s3Dir === undefined ? undefined : s3Route({ dir: s3Dir, clock, random, log: log.named('s3') }, events);
  const all = [...services, ...(ecr ? [ecr.route] : []), ...(s3?.routes ?? [])];
  const reset = async (): Promise<void> => {
    await Promise.all(all.flatMap((route) => route.reset?.() ?? []));
    await state.clear();
  };
  const pages: readonly Page[] = [
    ...healthPages({ version, services: all, clock, isLoaded: (name) => gateway.isLoaded(name) }),
    ...resetPages({ allowed: allowReset, reset }),
    ...issuerPages(state),
  ];
  const gateway = new Gateway({ state, identity, used, services: all, pages, origins: pageAccess(origins), partition, clock, random, log, audit });
  return {
    state,
    events,
    identity,
    reset,
    coverage: () => coverageOf(all),
    ecr: async () => {
      if (!ecr) throw new Error('this instance has no registry');
      return ecr.door();
    },
    s3: async () => void (await s3?.open()),
    close: async () => s3?.close(),
    handle: (message, response) => gateway.handle(message, response),
  };
}

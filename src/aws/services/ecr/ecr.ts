import type { Clock, Logger } from '#base';
import {
  ECRCreationTemplate,
  ECRPullThroughCacheRule,
  ECRRegistry,
  ECRReplication,
  ECRReplicationBackfill,
  ECRRepository,
  type EcrBackfill,
  type EcrCreationTemplate,
  type EcrPullThroughCacheRule,
  type EcrRegistry,
  type EcrReplication,
  type EcrRepository,
} from '#kinds';
import type { EcrDoor } from './open.ts';
import { defineAction, type Action, type AnyAction, type Conditions } from '../../gateway/service.ts';
import type { EventBus } from '../../events/bus.ts';
import type { Call } from '../../gateway/call.ts';
import { parsePolicy, type Policy } from '../../iam/policy/document.ts';
import type { NamedPolicy } from '../../iam/policy/evaluate.ts';
import type { State } from '../../state/state.ts';
import type { Place, Table } from '../../state/table.ts';
import { noRepository } from './errors.ts';
import type { ImageRecord, ImageRepository, Images } from './images.ts';
import type { Scans } from './scans.ts';
import type { Sealer } from './tokens.ts';

/** What ECR is given by the instance. */
export interface EcrDeps {
  readonly state: State;
  readonly images: Images;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventBus;
  readonly sealer: Sealer;
  /** Host and port under which clients find the registry of an account in a region. */
  hostOf(place: Place): string;
  /** Undefined: nothing scans images here. */
  readonly scans?: Scans | undefined;
  /** Who runs which image: names of pods and tasks by digest. */
  usedBy(): ReadonlyMap<string, readonly string[]>;
  /** The text of a secret of Secrets Manager. Undefined: there is no such secret, and without the function no Secrets Manager. */
  secret?(arn: string): Promise<string | undefined>;
  /** For upstreams of pull-through caches. */
  fetch(url: string, init: { headers: Record<string, string> }): Promise<Response>;
  /** Told of the side of the registry as soon as ECR is loaded: calls that write images come to it as pushes do. */
  opened?(door: EcrDoor): void;
}

/** ECR of all accounts and regions. */
export class Ecr {
  readonly deps: EcrDeps;
  readonly repositories: Table<EcrRepository>;
  readonly registries: Table<EcrRegistry>;
  readonly rules: Table<EcrPullThroughCacheRule>;
  readonly templates: Table<EcrCreationTemplate>;
  readonly replications: Table<EcrReplication>;
  readonly backfills: Table<EcrBackfill>;

  constructor(deps: EcrDeps) {
    this.deps = deps;
    this.repositories = deps.state.table(ECRRepository);
    this.registries = deps.state.table(ECRRegistry);
    this.rules = deps.state.table(ECRPullThroughCacheRule);
    this.templates = deps.state.table(ECRCreationTemplate);
    this.replications = deps.state.table(ECRReplication);
    this.backfills = deps.state.table(ECRReplicationBackfill);
  }
  get now(): number {
    return this.deps.clock.now();
  }
  /** The repository, or RepositoryNotFoundException. */
  repository(place: Place, name: string): EcrRepository {
    const found = this.repositories.get(place, name);
    if (!found) throw noRepository(name, place.account);
    return found;
  }
  async change(place: Place, name: string, change: (current: EcrRepository) => EcrRepository): Promise<EcrRepository> {
    const changed = await this.repositories.update(place, name, change);
    if (!changed) throw noRepository(name, place.account);
    return changed;
  }
  registry(place: Place): EcrRegistry {
    return this.registries.get(place, settings) ?? { account: place.account, region: place.region };
  }
  changeRegistry(place: Place, change: (current: EcrRegistry) => EcrRegistry): Promise<EcrRegistry> {
    return this.registries.put(place, settings, (current) => change(current ?? { account: place.account, region: place.region }));
  }
  images(place: Place, name: string): readonly ImageRecord[] {
    return this.deps.images.images(imagesOf(place, name));
  }

  /** The policies that speak of a repository: its own and the registry's. */
  policyOf(place: Place, name: string): NamedPolicy | undefined {
    const texts = [this.repositories.get(place, name)?.policyText, this.registry(place).policyText];
    const statements = texts.flatMap((text) => (text === undefined ? [] : parsed(text).statements));
    if (statements.length === 0) return undefined;
    return { name: 'resource-based policy', policy: { version: '2012-10-17', id: undefined, statements } };
  }
  /** Condition keys of a repository's tags. */
  tagKeys(place: Place, name: string): Conditions {
    const tags = this.repositories.get(place, name)?.tags ?? [];
    return Object.fromEntries(tags.flatMap(({ Key, Value }) => ['aws', 'ecr'].map((prefix) => [`${prefix}:ResourceTag/${Key}`, Value])));
  }
  registryPolicyOf(place: Place): NamedPolicy | undefined {
    const { policyText } = this.registry(place);
    return policyText === undefined ? undefined : { name: 'registry policy', policy: parsed(policyText) };
  }
}

const settings = 'registry';
export const imagesOf = ({ account, region }: Place, name: string): ImageRepository => ({ registry: `${account}/${region}`, name });
export function placeOf(registry: string): Place | undefined {
  const [account, region] = registry.split('/');
  return account && region ? { account, region } : undefined;
}
export const repositoryArn = ({ account, region }: Place, name: string, partition = partitionOf(region)): string =>
  `arn:${partition}:ecr:${region}:${account}:repository/${name}`;
export const partitionOf = (region: string): string => (region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws');

const policies = new Map<string, Policy>();
/** Read once: the same text is asked for by every request of a push. */
function parsed(text: string): Policy {
  let policy = policies.get(text);
  if (!policy) {
    if (policies.size >= 1000) policies.clear();
    policies.set(text, (policy = parsePolicy(text, 'resource')));
  }
  return policy;
}

/** Members that the contract requires are there: the gateway has checked them. */
export type Given<T> = { readonly [K in keyof T]: object extends Pick<T, K> ? T[K] : Exclude<T[K], undefined> };

interface Targets {
  readonly registryId?: string | undefined;
  readonly repositoryName?: string | undefined;
}
/** The registry that a request is about: the caller's own unless it names another. */
export const placeFor = (input: Targets, call: Call): Place => ({ account: input.registryId ?? call.account, region: call.region });

/** An action on one repository: needs the permission on its ARN, and its policy has a say. */
export function repositoryAction<I extends Targets & { repositoryName: string | undefined }, O>(
  ecr: Ecr,
  handle: (input: Given<I>, place: Place, call: Call) => O | Promise<O>,
  more: Pick<Action<Given<I>, O>, 'conditions' | 'permission'> = {},
): AnyAction {
  return defineAction<Given<I>, O>({
    ...(more.permission === undefined ? {} : { permission: more.permission }),
    resources: (input, call) => [repositoryArn(placeFor(input, call), input.repositoryName as string)],
    resourcePolicy: (input, call) => ecr.policyOf(placeFor(input, call), input.repositoryName as string),
    handle: (input, call) => handle(input, placeFor(input, call), call),
    conditions: (input, call) => ({ ...ecr.tagKeys(placeFor(input, call), input.repositoryName as string), ...more.conditions?.(input, call) }),
  });
}
/** An action on the registry itself. */
export function registryAction<I, O>(
  handle: (input: Given<I>, place: Place, call: Call) => O | Promise<O>,
  more: Pick<Action<Given<I>, O>, 'conditions'> = {},
): AnyAction {
  return defineAction<Given<I>, O>({ handle: (input, call) => handle(input, placeFor(input as Targets, call), call), ...more });
}

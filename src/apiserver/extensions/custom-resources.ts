import { formatTime, WorkQueue, type Metrics } from '#base';
import { isApiError, type Kind, type KubeObject } from '#machinery';
import { conversionMetrics, type ConversionCall } from '../metrics/conversion.ts';
import { Outbound } from '../outbound/outbound.ts';
import { webhookCaller, type CallWebhook } from '../outbound/call-webhook.ts';
import type { DeletionRule, Extension, Host, RequestContext } from '../types.ts';
import { converterOf } from './conversion.ts';
import { customKind } from './custom-kind.ts';
import { cleanup, group, plural, withCondition, type Condition, type Definition } from './definition.ts';
import { acceptNames, type Acceptance } from './names.ts';

/** How soon instances that take their time to go are looked at again, ms. */
const lookAgainMs = 200;
const context: RequestContext = {
  user: { username: 'system:apiserver', groups: ['system:masters'] },
  dryRun: false,
  fieldManager: 'batuta-apiserver',
  track: false,
  warnings: [],
};

/** What of a definition is served now, and the state of it that led to that. */
interface Served {
  readonly stamp: string;
  readonly kinds: readonly Kind[];
}

/**
 * Serves the resources that CustomResourceDefinitions define, at once when a definition is written; says so in its
 * status; and empties a resource before its definition goes.
 */
export class CustomResources implements Extension {
  readonly name = 'custom-resources';
  readonly #served = new Map<string, Served>();
  #call: CallWebhook | undefined;
  #queue: WorkQueue | undefined;
  readonly #outbound: Outbound;
  readonly #converted: ((call: ConversionCall) => void) | undefined;
  constructor(outbound: Outbound, metrics?: Metrics) {
    this.#converted = metrics && conversionMetrics(metrics);
    this.#outbound = outbound;
  }

  start(host: Host): void {
    const kind = host.kindOf(group, plural);
    if (!kind) return;
    this.#call = webhookCaller(this.#outbound, host.writer, host.random);
    const log = host.log.named('custom-resources');
    this.#queue = new WorkQueue({
      clock: host.clock,
      concurrency: 4,
      handle: (name) => this.#reconcile(host, kind, name),
      onError: (name, error, retryInMs) => {
        if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) log.warn('a definition cannot be worked on', { name, error, retryInMs });
      },
    });
    host.writer.observe(group, plural, (object, old) => this.#changed(host, object as Definition | undefined, old as Definition | undefined));
  }
  async stop(): Promise<void> {
    await this.#queue?.close();
  }
  /** Resolves when every status is written and nothing is left to do now. */
  async idle(): Promise<void> {
    await this.#queue?.idle();
  }

  #changed(host: Host, definition: Definition | undefined, old: Definition | undefined): void {
    const name = (definition ?? old)?.metadata?.name ?? '';
    if (definition) this.#serve(host, definition);
    else this.#withdraw(host, name);
    this.#queue?.add(name);
    // Names that became free may be what others wait for.
    if (old && JSON.stringify(old.status?.acceptedNames) !== JSON.stringify(definition?.status?.acceptedNames)) {
      for (const other of this.#others(host, definition ?? old)) this.#queue?.add(other.metadata?.name ?? '');
    }
  }
  #serve(host: Host, definition: Definition): void {
    const name = definition.metadata?.name ?? '';
    const { accepted, served } = acceptNames(definition, this.#others(host, definition));
    const { uid, generation, deletionTimestamp } = definition.metadata ?? {};
    const stamp = JSON.stringify([uid, generation, deletionTimestamp !== undefined, served, accepted]);
    const before = this.#served.get(name);
    if (before?.stamp === stamp) return;
    const convert = converterOf(definition, this.#call as CallWebhook, host.random, this.#converted);
    const source = { definition, names: accepted, schemas: host.schemas, convert };
    const kinds = served ? definition.spec.versions.filter((version) => version.served).map((version) => customKind(source, version)) : [];
    this.#served.set(name, { stamp, kinds });
    for (const kind of kinds) host.serve(kind);
    for (const kind of before?.kinds ?? []) if (!kinds.some((other) => other.version === kind.version && other.plural === kind.plural)) host.withdraw(kind);
  }
  #withdraw(host: Host, name: string): void {
    for (const kind of this.#served.get(name)?.kinds ?? []) host.withdraw(kind);
    this.#served.delete(name);
  }
  #others(host: Host, definition: Definition): Definition[] {
    const all = host.writer.list(group, plural) as readonly Definition[];
    return all.filter((other) => other.spec.group === definition.spec.group && other.metadata?.name !== definition.metadata?.name);
  }

  async #reconcile(host: Host, kind: Kind, name: string): Promise<number | void> {
    const definition = host.writer.get(group, plural, undefined, name) as Definition | undefined;
    if (!definition) return;
    if (definition.metadata?.deletionTimestamp) return this.#finish(host, kind, definition);
    this.#serve(host, definition);
    const acceptance = acceptNames(definition, this.#others(host, definition));
    await this.#writeStatus(host, kind, name, (current) => withAcceptance(current, acceptance, formatTime(host.clock.now())));
  }
  /** Deletes every instance; when the last is gone, lets the definition go. */
  async #finish(host: Host, kind: Kind, definition: Definition): Promise<number | void> {
    const name = definition.metadata?.name ?? '';
    if (!definition.metadata?.finalizers?.includes(cleanup)) return;
    const resource = this.#served.get(name)?.kinds[0];
    const left = resource ? host.writer.list(resource.group, resource.plural).length : 0;
    if (resource && left > 0) {
      await this.#writeStatus(host, kind, name, (current) => withConditions(current, [terminating('True', 'InstanceDeletionInProgress')], host));
      await host.deleteAll(resource, context);
      if (host.writer.list(resource.group, resource.plural).length > 0) return lookAgainMs;
    }
    await host.writer.modifyRaw(kind, { name }, context, (current) => {
      const done = withConditions(current as Definition, [terminating('False', 'InstanceDeletionCompleted')], host);
      const finalizers = (current.metadata?.finalizers ?? []).filter((finalizer) => finalizer !== cleanup);
      return { ...done, metadata: { ...current.metadata, finalizers } };
    });
  }
  async #writeStatus(host: Host, kind: Kind, name: string, change: (current: Definition) => Definition): Promise<void> {
    await host.writer.modify(kind, { name }, context, 'status', (current) => change(current as Definition) as KubeObject);
  }
}

const terminatingTexts: { readonly [reason: string]: string } = {
  InstanceDeletionPending: 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  InstanceDeletionInProgress: 'CustomResource deletion is in progress',
  InstanceDeletionCompleted: 'removed all instances',
};
const terminating = (status: Condition['status'], reason: string): Condition => ({
  type: 'Terminating',
  status,
  reason,
  message: terminatingTexts[reason] ?? '',
});
function withConditions(definition: Definition, wanted: readonly Condition[], { clock }: Pick<Host, 'clock'>): Definition {
  const now = formatTime(clock.now());
  const before = definition.status?.conditions ?? [];
  const conditions = wanted.reduce<readonly Condition[]>((all, condition) => withCondition(all, condition, now), before);
  return conditions === before ? definition : { ...definition, status: { ...definition.status, conditions } };
}
function withAcceptance(definition: Definition, { accepted, conditions: wanted }: Acceptance, now: string): Definition {
  const before = definition.status?.conditions ?? [];
  const conditions = wanted.reduce<readonly Condition[]>((all, condition) => withCondition(all, condition, now), before);
  if (conditions === before && JSON.stringify(definition.status?.acceptedNames) === JSON.stringify(accepted)) return definition;
  return { ...definition, status: { ...definition.status, conditions, acceptedNames: accepted } };
}

/** A definition stays until its instances are gone: deleting it first asks for that. */
export function definitionDeletion(clock: Host['clock']): DeletionRule {
  return {
    handles: (kind) => kind.group === group && kind.plural === plural,
    holds: (object) => object.metadata?.deletionTimestamp === undefined,
    mark(object) {
      const meta = (object.metadata ??= {});
      if (!meta.finalizers?.includes(cleanup)) meta.finalizers = [...(meta.finalizers ?? []), cleanup];
      Object.assign(object, { status: withConditions(object as Definition, [terminating('True', 'InstanceDeletionPending')], { clock }).status });
    },
  };
}

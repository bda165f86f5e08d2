import { WorkQueue, type Clock, type Logger } from '#base';
import { isApiError, type Api } from '#machinery';
import type { KindReader } from '../types.ts';
import { apiServices, defaultPriority, groupVersionOf, versionKey, type APIService, type GroupVersion } from './api-service.ts';
import type { Directory } from './directory.ts';

export interface AutoRegisterDeps {
  readonly directory: Directory;
  readonly reader: KindReader;
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Logger;
  /** Group versions beyond those of the kinds (reviews). */
  readonly more: readonly GroupVersion[];
  /** Those of them whose APIService comes back when it was deleted: what stood in for them is gone. */
  readonly lasting: readonly GroupVersion[];
}
const label = 'kube-aggregator.kubernetes.io/automanaged';
/** The first clients after a start come first. */
const delayMs = 250;

/**
 * An APIService for every group version that this process serves: those of built-in kinds are made at start
 * (`onstart`), those of custom resources come and go with them (`true`). What a user made is left alone.
 */
export class AutoRegister {
  readonly #deps: AutoRegisterDeps;
  readonly #queue: WorkQueue;
  /** Group versions of the start that have not been looked at: only then are those of built-in kinds registered. */
  #initial = new Set<string>();
  constructor(deps: AutoRegisterDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue({
      clock: deps.clock,
      handle: (key) => this.#sync(key),
      onError: (key, error) => deps.log.warn('an APIService could not be written', { key, error }),
    });
  }
  start(): void {
    const { reader, directory, clock, more } = this.#deps;
    clock.after(delayMs, () => {
      const served = (this.#initial = new Set([...reader.kinds, ...more].map(versionKey)));
      for (const key of served) this.#queue.add(key);
      for (const key of directory.keys) if (!served.has(key)) this.#queue.add(key);
      reader.onKinds((kind) => this.#queue.add(versionKey(kind)));
      directory.follow((service) => this.#queue.add(versionKey(groupVersionOf(service))));
    });
  }
  close(): Promise<void> {
    return this.#queue.close();
  }
  async #sync(key: string): Promise<void> {
    const { reader, directory, api, more, lasting } = this.#deps;
    const kind = reader.kindAt(apiServices.group, 'v1', apiServices.plural);
    if (!kind) return;
    const [group = '', version = ''] = key.split('/');
    const at = { group, version };
    const present = directory.find(at);
    const kinds = reader.kinds.filter((candidate) => versionKey(candidate) === key);
    const custom = kinds.some((candidate) => candidate.shape !== undefined) || lasting.some((other) => versionKey(other) === key);
    const served = kinds.length > 0 || more.some((other) => versionKey(other) === key);
    const missing = !present && served && (custom || this.#initial.has(key));
    try {
      if (missing) await api.create(kind, localService(at, custom));
      else if (!served && present?.metadata?.labels?.[label]) await api.delete(kind, { name: present.metadata.name ?? '' }, {});
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists') && !isApiError(error, 'NotFound')) throw error;
    }
    this.#initial.delete(key);
  }
}
function localService(at: GroupVersion, custom: boolean): APIService {
  const { group, version } = defaultPriority(at);
  return {
    metadata: { name: `${at.version}.${at.group}`, labels: { [label]: custom ? 'true' : 'onstart' } },
    spec: { ...(at.group ? { group: at.group } : {}), version: at.version, groupPriorityMinimum: group, versionPriority: version },
  };
}

import type { ObjectReader } from '../types.ts';
import {
  apiServices,
  compareByPriority,
  defaultPriority,
  groupVersionOf,
  versionKey,
  type APIService,
  type GroupVersion,
  type Priority,
} from './api-service.ts';

/** The present one, or the last of one that is gone; and what it was before when it has changed. */
export type Follower = (service: APIService, old: APIService | undefined) => void;

/** Which server serves which group version, and in what order discovery shows them: the APIServices there are. */
export class Directory {
  readonly #all = new Map<string, APIService>();
  readonly #remote = new Map<string, APIService>();
  readonly #followers: Follower[] = [];

  start(reader: ObjectReader): void {
    reader.observe(apiServices.group, apiServices.plural, (object, old) => {
      const service: APIService = object ?? old ?? {};
      const key = versionKey(groupVersionOf(service));
      if (object) this.#all.set(key, service);
      else this.#all.delete(key);
      if (object && service.spec?.service) this.#remote.set(key, service);
      else this.#remote.delete(key);
      for (const follower of this.#followers) follower(service, object && old);
    });
  }
  /** Told of every APIService that appears, changes or goes. */
  follow(follower: Follower): void {
    this.#followers.push(follower);
  }
  /** Another server's, or undefined where this process answers itself. */
  remote(group: string, version: string): APIService | undefined {
    return this.#remote.size === 0 ? undefined : this.#remote.get(`${group}/${version}`);
  }
  /** `group/version` of every APIService. */
  get keys(): readonly string[] {
    return [...this.#all.keys()];
  }
  get remotes(): readonly APIService[] {
    return [...this.#remote.values()];
  }
  find(at: GroupVersion): APIService | undefined {
    return this.#all.get(versionKey(at));
  }
  priority(at: GroupVersion): Priority {
    const { groupPriorityMinimum: group, versionPriority: version } = this.find(at)?.spec ?? {};
    const usual = defaultPriority(at);
    return { group: group ?? usual.group, version: version ?? usual.version };
  }
  /** Groups in the order of discovery, each with its versions, best first. */
  ordered(local: readonly GroupVersion[]): { group: string; versions: string[] }[] {
    const all = new Map([...local, ...this.remotes.map(groupVersionOf)].map((at) => [versionKey(at), { ...at, priority: this.priority(at) }]));
    const groups = Map.groupBy(all.values(), (at) => at.group);
    const rank = (group: string): number => Math.max(...(groups.get(group) ?? []).map((at) => at.priority.group));
    return [...groups.keys()]
      .toSorted((a, b) => rank(b) - rank(a) || (a < b ? -1 : 1))
      .map((group) => ({ group, versions: (groups.get(group) ?? []).toSorted(compareByPriority).map((at) => at.version) }));
  }
}

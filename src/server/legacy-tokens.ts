import type { Logger } from '#base';
import { Secret } from '#kinds';
import type { Api } from '#machinery';

/** Writes on Secrets when their service-account tokens were last used, a day at a time, so that unused ones can be found. */
export class LegacyTokenUse {
  readonly #log: Logger;
  readonly #writing = new Set<string>();
  #api: Api | undefined;
  constructor(log: Logger) {
    this.#log = log;
  }
  start(api: Api): void {
    this.#api = api;
  }
  note(namespace: string, name: string, day: string): void {
    const key = `${namespace}/${name}`;
    if (!this.#api || this.#writing.has(key)) return;
    this.#writing.add(key);
    this.#api
      .patch(Secret, { namespace, name }, 'application/merge-patch+json', { metadata: { labels: { 'kubernetes.io/legacy-token-last-used': day } } })
      .catch((error: unknown) => this.#log.warn('the last use of a token could not be noted', { namespace, secret: name, error }))
      .finally(() => this.#writing.delete(key));
  }
}

import type { Logger } from '#base';
import type { Host } from './host.ts';

/**
 * UDP has no connections: a client that keeps its port would be sent to a vanished endpoint for as long as the
 * kernel remembers the flow. So the flows that end at such an endpoint are forgotten.
 */
export class FlowCleaner {
  readonly #host: Host;
  readonly #log: Logger;
  #missing = false;

  constructor(host: Host, log: Logger) {
    this.#host = host;
    this.#log = log;
  }
  async forgetUdp(endpoints: Iterable<string>): Promise<void> {
    for (const ip of endpoints) {
      if (this.#missing) return;
      const result = await this.#host.run('conntrack', ['-D', '-p', 'udp', '--reply-src', ip]);
      // Exit code 1 is also "0 flow entries have been deleted".
      if (result.code === 127) {
        this.#missing = true;
        this.#log.warn('conntrack is not installed: UDP clients may stay with endpoints that are gone for up to 2 minutes');
      } else if (result.code !== 0 && !/0 flow entries/.test(result.stderr)) this.#log.warn('conntrack failed', { ip, error: result.stderr.trim() });
    }
  }
}

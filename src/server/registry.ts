import { join } from 'node:path';
import { systemClock, systemRandom, type Logger } from '#base';
import { startRegistry, type RegistryServer } from '#registry';
import type { UpOptions } from './options.ts';
import type { Paths } from './paths.ts';

/**
 * Starts the instance's registry. Who reaches the loopback address may push and pull, as with the registries people
 * run beside their builds; it listens nowhere else, also with --listen, because nobody is asked who he is.
 */
export function openRegistry({ options, paths, log }: { options: UpOptions; paths: Paths; log: Logger }): Promise<RegistryServer> {
  return startRegistry({
    dir: join(paths.data, 'registry'),
    listen: ['127.0.0.1'],
    port: options.registryPort,
    authorize: () => {},
    clock: systemClock,
    random: systemRandom,
    log: log.named('registry'),
  });
}

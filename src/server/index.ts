/**
 * server: the only composition root. Puts store, API server, controllers, scheduler, node agents and
 * network together into an instance, and offers what the command line needs of one. Light by itself:
 * what starts an instance is imported only when one starts.
 */
import type { UpOptions } from './options.ts';
export { UsageError, UserError } from './errors.ts';
export type { UpOptions } from './options.ts';
export {
  chaosHeal,
  chaosList,
  chaosStart,
  diagnose,
  fetchStatus,
  fetchWhy,
  followLog,
  importImages,
  instanceEnvironment,
  listImages,
  readKubeconfig,
  type Status,
} from './commands.ts';
export type { ChaosRequest } from './chaos.ts';
export type { WhyReport, WhyTarget } from './why.ts';
export { maxNodes, maxSimNodes } from './plan.ts';
export { kubernetesVersion, version } from './version.ts';

/** Starts an instance in the foreground (resolves with the exit code when it has stopped) or, with `detach`, in the background. */
export async function runUp(options: UpOptions): Promise<number> {
  const thread = options.store === 'sqlite' && !options.detach ? new (await import('#store')).StoreThread() : undefined;
  const { runUp: run } = await import('./up.ts');
  return run(options, thread);
}

/** Stops an instance; gives one line that says what was done. */
export async function runDown(options: { dataDir?: string | undefined; name?: string | undefined; purge: boolean }): Promise<string> {
  const { runDown: run } = await import('./down.ts');
  return run(options);
}

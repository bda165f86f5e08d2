/**
 * server: the only composition root. Puts store, API server, controllers, scheduler, node agents and
 * network together into an instance, and offers what the command line needs of one. Light by itself:
 * what starts an instance is imported only when one starts.
 */
import type { UpOptions } from './options.ts';
import type { AdvisoryUpdate, ScanDatabase, ScanReport } from './scan.ts';
export { UsageError, UserError } from './errors.ts';
export type { UpOptions } from './options.ts';
export {
  awsCoverage,
  awsProfile,
  chaosHeal,
  chaosList,
  chaosStart,
  diagnose,
  fetchStatus,
  fetchWhy,
  collectRegistry,
  followLog,
  importImages,
  instanceEnvironment,
  listImages,
  readKubeconfig,
  resetAws,
  type Status,
} from './commands.ts';
export type { ChaosRequest } from './chaos.ts';
export type { WhyReport, WhyTarget } from './why.ts';
export type { ScanFinding, ScanReport } from './scan.ts';
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

/** Finds known vulnerabilities in an image of the instance's registry, or in one in files. */
export async function scanImage(...args: Parameters<typeof import('./scan.ts').scanImage>): Promise<ScanReport> {
  return (await import('./scan.ts')).scanImage(...args);
}
export async function updateScanDatabase(...args: Parameters<typeof import('./scan.ts').updateScanDatabase>): Promise<AdvisoryUpdate> {
  return (await import('./scan.ts')).updateScanDatabase(...args);
}
export async function describeScanDatabase(...args: Parameters<typeof import('./scan.ts').describeScanDatabase>): Promise<ScanDatabase> {
  return (await import('./scan.ts')).describeScanDatabase(...args);
}
export async function findAdvisories(...args: Parameters<typeof import('./scan.ts').findAdvisories>): Promise<object[]> {
  return (await import('./scan.ts')).findAdvisories(...args);
}
/** The commands of `backup`, loaded when one runs. */
export const backupCommands = (): Promise<typeof import('./backup/commands.ts')> => import('./backup/commands.ts');

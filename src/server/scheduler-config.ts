import { readFileSync } from 'node:fs';
import { parseYaml } from '#machinery';
import type { SchedulerConfiguration } from '#scheduler';
import { UserError } from './errors.ts';

/** Reads a KubeSchedulerConfiguration. Throws UserError that names file and field. */
export async function loadSchedulerConfiguration(file: string | undefined): Promise<SchedulerConfiguration | undefined> {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`the scheduler configuration cannot be read: ${(error as Error).message}`);
  }
  const { readConfiguration } = await import('#scheduler'); // loaded later where nothing is configured
  try {
    return readConfiguration((await parseYaml(text)).value);
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message}`);
  }
}

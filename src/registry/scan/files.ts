import { join } from 'node:path';

/** Where everything of the scanner is, in the registry's directory. */
export const scanFiles = (dir: string): { results: string; advisories: string } => ({
  results: join(dir, 'scan/results.db'),
  advisories: join(dir, 'scan/advisories.db'),
});

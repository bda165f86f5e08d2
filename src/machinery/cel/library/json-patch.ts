import { rewritesFirst } from '../cost-rules.ts';
import type { FunctionSpec } from '../functions.ts';

/** Kubernetes' JSON patch library (mutating admission policies). */
export const jsonPatches: readonly FunctionSpec[] = [
  ['jsonpatch::escapeKey(string) string', (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1'), rewritesFirst],
];

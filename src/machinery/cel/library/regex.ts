import { matchesAll } from '../cost-rules.ts';
import type { FunctionSpec } from '../functions.ts';
import { regex } from '../std/strings.ts';
import { List } from '../values.ts';

/** Kubernetes' regex library. */
export const regexes: readonly FunctionSpec[] = [
  ['string.find(string) string', (text: string, pattern: string) => regex(pattern).find(text) ?? '', matchesAll],
  ['string.findAll(string) list<string>', (text: string, pattern: string) => new List(regex(pattern).findAll(text)), matchesAll],
  [
    'string.findAll(string, int) list<string>',
    (text: string, pattern: string, limit: bigint) => new List(regex(pattern).findAll(text, Number(limit))),
    matchesAll,
  ],
];

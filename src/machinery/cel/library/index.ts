/** The libraries that Kubernetes adds to CEL. A library is one file and one line here. */
import type { FunctionSpec } from '../functions.ts';
import { authorizer } from './authorizer.ts';
import { lists, sets } from './collections.ts';
import { ips } from './ips.ts';
import { jsonPatches } from './json-patch.ts';
import { namedFormats } from './named-formats.ts';
import { quantities } from './quantities.ts';
import { regexes } from './regex.ts';
import { semvers } from './semvers.ts';
import { strings } from './strings.ts';
import { urls } from './urls.ts';

export const library: readonly FunctionSpec[] = [
  ...strings,
  ...lists,
  ...sets,
  ...regexes,
  ...urls,
  ...ips,
  ...quantities,
  ...semvers,
  ...namedFormats,
  ...authorizer,
  ...jsonPatches,
];

import type { CallRequest, Target } from './types.ts';
import type { Contract, Operation } from './schema.ts';

/** An operation's place in the paths of a service. */
interface Pattern {
  readonly operation: Operation;
  readonly method: string;
  /** Segments: text, `{Label}` or `{Label+}` for all that is left. */
  readonly segments: readonly string[];
  /** Query parameters that must be there, with their value unless it is undefined. */
  readonly literals: readonly (readonly [string, string | undefined])[];
  readonly requiredQuery: readonly string[];
  readonly requiredHeaders: readonly string[];
}

const tables = new WeakMap<Contract, Map<string, Pattern[]>>();

function patternsOf(contract: Contract): Map<string, Pattern[]> {
  const known = tables.get(contract);
  if (known) return known;
  const table = new Map<string, Pattern[]>();
  for (const name of contract.operations) {
    const operation = contract.operation(name);
    if (!operation?.http) continue;
    const made = patternOf(operation, operation.http.method, operation.http.uri);
    const list = table.get(made.method);
    if (list) list.push(made);
    else table.set(made.method, [made]);
  }
  tables.set(contract, table);
  return table;
}

function patternOf(operation: Operation, method: string, uri: string): Pattern {
  const [path = '/', query = ''] = uri.split('?', 2);
  const { shape } = operation.input;
  const members = shape.kind === 'structure' ? shape.members : [];
  const segments = path.split('/').filter((one) => one !== '');
  // S3's contract leaves the bucket to the endpoint: in a path it stands first.
  const bucket = members.some(({ name, traits }) => name === 'Bucket' && traits.httpLabel === 1) && !uri.includes('{Bucket}');
  const literals = query.split('&').flatMap((pair): [string, string | undefined][] => {
    const [name = '', value] = pair.split('=', 2);
    return name === '' || name === 'x-id' ? [] : [[name, value]];
  });
  const required = members.filter((one) => one.required);
  return {
    operation,
    method,
    segments: bucket ? ['{Bucket}', ...segments] : segments,
    literals,
    requiredQuery: required.flatMap(({ traits }) => traits.httpQuery ?? []),
    requiredHeaders: required.flatMap(({ traits }) => traits.httpHeader?.toLowerCase() ?? []),
  };
}

/**
 * The operation at a path: the one that says most of what the request has. Labels are decoded one by one, so that an
 * encoded slash stays in its label.
 */
export function matchUri(request: CallRequest, contract: Contract): Target | undefined {
  const query = new URLSearchParams(request.query);
  const segments = request.path.split('/').slice(1);
  let best: { score: number; target: Target } | undefined;
  for (const pattern of patternsOf(contract).get(request.method) ?? []) {
    const labels = matchPath(pattern.segments, segments);
    if (!labels) continue;
    if (!pattern.literals.every(([name, value]) => query.has(name) && (value === undefined || query.get(name) === value))) continue;
    if (!pattern.requiredQuery.every((name) => query.has(name))) continue;
    if (!pattern.requiredHeaders.every((name) => request.headers.has(name))) continue;
    const fixed = pattern.segments.filter((one) => !one.startsWith('{')).length;
    const score = fixed * 100 + pattern.literals.length * 10 + pattern.requiredQuery.length + pattern.requiredHeaders.length;
    if (!best || score > best.score) best = { score, target: { name: pattern.operation.name, labels } };
  }
  return best?.target;
}

function matchPath(pattern: readonly string[], given: readonly string[]): Record<string, string> | undefined {
  const labels: Record<string, string> = {};
  const last = given.at(-1) === '' ? given.slice(0, -1) : given;
  for (const [i, part] of pattern.entries()) {
    if (part.endsWith('+}')) {
      const rest = given.slice(i).join('/');
      if (rest === '') return undefined;
      labels[part.slice(1, -2)] = decode(rest);
      return labels;
    }
    const segment = last[i];
    if (segment === undefined) return undefined;
    if (!part.startsWith('{')) {
      if (segment !== part) return undefined;
    } else if (segment === '') return undefined;
    else labels[part.slice(1, -1)] = decode(segment);
  }
  return last.length > pattern.length ? undefined : labels;
}
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

import { parseDuration, type Random } from '#base';
import type { Stage, StageDelay, StageNext, StageSelector } from '#kinds';
import { ExpressionError, parseExpression, type Expression } from './expression.ts';
import { parseTemplate, TemplateError, type Part } from './template/parse.ts';
import { builtInFunctions, show } from './template/render.ts';

export interface CompiledPatch {
  readonly type: 'merge' | 'strategic' | 'json';
  readonly subresource: string | undefined;
  /** Field that the rendered text is the value of; '' = the whole object. */
  readonly root: string;
  readonly template: readonly Part[];
}
export interface CompiledStage {
  readonly name: string;
  readonly kind: 'Pod' | 'Node';
  matches(object: object): boolean;
  weight(object: object): number;
  /** ms from `now` until it comes. */
  delay(object: object, now: number, random: Random): number;
  readonly next: StageNext;
  readonly patches: readonly CompiledPatch[];
}

/** kwok's functions of templates, beside those of Go. */
export const stageFunctions = ['Quote', 'Now', 'StartTime', 'YAML', 'Version', 'NodeIP', 'NodeIPWith', 'NodeName', 'NodePort', 'PodIP', 'PodIPWith'] as const;
const functions: ReadonlySet<string> = new Set([...builtInFunctions, ...stageFunctions]);

/** What can be played, or all that cannot. */
export function compileStage(stage: Stage): CompiledStage | { readonly unsupported: readonly string[] } {
  const unsupported: string[] = [];
  const attempt = <T>(make: () => T): T | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof ExpressionError) && !(error instanceof TemplateError)) throw error;
      unsupported.push(error.message);
      return undefined;
    }
  };
  const { resourceRef = {}, selector = {}, weight = 0, weightFrom, delay = {}, next = {} } = stage.spec ?? {};
  const { apiGroup = 'v1', kind = '' } = resourceRef;
  if (apiGroup !== 'v1' || (kind !== 'Pod' && kind !== 'Node')) unsupported.push(`resourceRef ${apiGroup}/${kind}: only v1 Pod and v1 Node are played`);
  if (next.statusPatchAs || next.patches?.some((p) => p.impersonation)) unsupported.push('impersonation of patches is not supported');
  const matches = attempt(() => selectorOf(selector));
  const weigh = attempt(() => parsed(weightFrom?.expressionFrom));
  const wait = attempt(() => delayOf(delay));
  const patches = attempt(() => patchesOf(next));
  if (unsupported.length > 0 || !matches || !wait || !patches) return { unsupported };
  return {
    name: stage.metadata?.name ?? '',
    kind: kind as 'Pod' | 'Node',
    matches,
    weight: (object) => Number(weigh?.(object)[0] ?? weight) || 0,
    delay: wait,
    next,
    patches,
  };
}
const parsed = (source: string | undefined): Expression | undefined => (source ? parseExpression(source) : undefined);

type Labelled = { readonly metadata?: { readonly labels?: Record<string, string>; readonly annotations?: Record<string, string> } };
function selectorOf({ matchLabels = {}, matchAnnotations = {}, matchExpressions = [] }: StageSelector): (object: object) => boolean {
  const labels = Object.entries(matchLabels);
  const annotations = Object.entries(matchAnnotations);
  const expressions = matchExpressions.map(({ key = '', operator = '', values = [] }) => requirement(parseExpression(key), operator, values));
  return (object) => {
    const { metadata = {} } = object as Labelled;
    return (
      labels.every(([name, value]) => metadata.labels?.[name] === value) &&
      annotations.every(([name, value]) => metadata.annotations?.[name] === value) &&
      expressions.every((holds) => holds(object))
    );
  };
}
function requirement(key: Expression, operator: string, values: readonly string[]): (object: object) => boolean {
  const found = (object: object): readonly unknown[] => key(object);
  const isIn = (object: object): boolean => found(object).some((value) => values.includes(show(value)));
  if (operator === 'In') return isIn;
  if (operator === 'NotIn') return (object) => !isIn(object);
  if (operator === 'Exists') return (object) => found(object).length > 0;
  return (object) => found(object).length === 0;
}

/** Between the duration and the jitter, when that is longer; what an expression gives is a duration, or a time in the future. */
function delayOf({ durationMilliseconds = 0, durationFrom, jitterDurationMilliseconds, jitterDurationFrom }: StageDelay): CompiledStage['delay'] {
  const from = parsed(durationFrom?.expressionFrom);
  const jitterFrom = parsed(jitterDurationFrom?.expressionFrom);
  return (object, now, random) => {
    const least = timeOf(from?.(object)[0], now) ?? durationMilliseconds;
    const most = timeOf(jitterFrom?.(object)[0], now) ?? jitterDurationMilliseconds;
    if (most === undefined) return least;
    return most <= least ? most : least + random.next() * (most - least);
  };
}
function timeOf(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  const duration = parseDuration(value);
  if (duration !== undefined) return duration;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, time - now);
}

function patchesOf({ statusTemplate, statusSubresource, patches = [] }: StageNext): CompiledPatch[] {
  const out: CompiledPatch[] = [];
  const add = (template: string, type: string, subresource: string, root: string): void => {
    if (type !== 'merge' && type !== 'strategic' && type !== 'json') throw new TemplateError(`patches of type "${type}" are not supported`);
    if (subresource !== '' && subresource !== 'status') throw new TemplateError(`the subresource "${subresource}" is not supported`);
    out.push({ type, subresource: subresource || undefined, root, template: parseTemplate(template, functions) });
  };
  if (statusTemplate) add(statusTemplate, 'strategic', statusSubresource ?? 'status', 'status');
  for (const { template = '', type = 'merge', subresource = '', root = '' } of patches) add(template, type, subresource, root);
  return out;
}

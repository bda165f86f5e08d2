import { badRequest } from './errors.ts';
import { labelKeyProblems, labelValueProblems } from './names.ts';
import type { LabelSelector } from './object.ts';

export type Labels = { readonly [key: string]: string } | undefined;
export type LabelMatcher = (labels: Labels) => boolean;

interface Requirement {
  key: string;
  /** `exists`, `!`, `in`, `notin`, `=`, `!=`, `gt` or `lt`. */
  operator: string;
  values: readonly string[];
}

const everything: LabelMatcher = () => true;
const nothing: LabelMatcher = () => false;
const operators = new Set(['in', 'notin', '=', '==', '!=', 'gt', 'lt', '>', '<']);
const special = /[=!(),<>]/;

/** Parses the query form (`a=b,c in (d,e),!f`). Throws BadRequest with the text of kube-apiserver. */
export function parseLabelSelector(text: string | undefined): LabelMatcher {
  if (!text) return everything;
  return all(parseRequirements(text).map(matcher));
}

/** What the query form demands, all of it at once. Throws BadRequest. */
export function labelRequirements(text: string): readonly Readonly<Requirement>[] {
  return parseRequirements(text);
}

/** The matcher of a metav1.LabelSelector. Undefined matches nothing, an empty one everything, as Kubernetes has it. */
export function labelSelectorMatcher(selector: LabelSelector | undefined): LabelMatcher {
  return selector ? all(requirementsOf(selector).map(matcher)) : nothing;
}
/** The same, remembered: for selectors of objects that never change, as those of caches. */
export function sharedSelectorMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (!selector) return nothing;
  let found = matchers.get(selector);
  if (!found) matchers.set(selector, (found = labelSelectorMatcher(selector)));
  return found;
}
const matchers = new WeakMap<LabelSelector, LabelMatcher>();

/** The string form, for example of Scale.status.selector: `a=b,c in (d,e)`; keys in order. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (!selector) return '<none>';
  const parts = requirementsOf(selector).sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return parts.map(formatRequirement).join(',');
}

function formatRequirement({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key;
  if (operator === '!') return `!${key}`;
  if (operator === 'in' || operator === 'notin') return `${key} ${operator} (${[...values].sort().join(',')})`;
  return `${key}${operator}${values[0] ?? ''}`;
}

const fromExpression: Record<string, string> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };
function requirementsOf(selector: LabelSelector): Requirement[] {
  const out: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = fromExpression[operator];
    if (!known) throw badRequest(`"${operator}" is not a valid label selector operator`);
    out.push({ key, operator: known, values: values ?? [] });
  }
  return out;
}

function all(matchers: LabelMatcher[]): LabelMatcher {
  if (matchers.length === 0) return everything;
  if (matchers.length === 1) return matchers[0] as LabelMatcher;
  return (labels) => {
    for (const match of matchers) if (!match(labels)) return false;
    return true;
  };
}

function matcher({ key, operator, values }: Requirement): LabelMatcher {
  const wanted = values[0] ?? '';
  const set = new Set(values);
  const number = Number(wanted);
  switch (operator) {
    case 'exists':
      return (labels) => labels !== undefined && labels[key] !== undefined;
    case '!':
      return (labels) => labels === undefined || labels[key] === undefined;
    case 'in':
      return (labels) => labels !== undefined && labels[key] !== undefined && set.has(labels[key]);
    case 'notin':
      return (labels) => labels === undefined || labels[key] === undefined || !set.has(labels[key]);
    case '!=':
      return (labels) => labels === undefined || labels[key] !== wanted;
    case 'gt':
      return (labels) => labels?.[key] !== undefined && /^[+-]?\d+$/.test(labels[key]) && Number(labels[key]) > number;
    case 'lt':
      return (labels) => labels?.[key] !== undefined && /^[+-]?\d+$/.test(labels[key]) && Number(labels[key]) < number;
    default:
      return (labels) => labels !== undefined && labels[key] === wanted;
  }
}

/** Tokens: identifiers, operators, parentheses, commas; '' ends. */
function tokenize(text: string): string[] {
  const tokens: string[] = [];
  for (let i = 0; i < text.length;) {
    const char = text[i] as string;
    if (/\s/.test(char)) i++;
    else if (special.test(char)) {
      const two = text.slice(i, i + 2);
      const token = two === '==' || two === '!=' ? two : char;
      tokens.push(token);
      i += token.length;
    } else {
      const start = i;
      while (i < text.length && !special.test(text[i] as string) && !/\s/.test(text[i] as string)) i++;
      tokens.push(text.slice(start, i));
    }
  }
  return tokens;
}
const isIdentifier = (token: string | undefined): token is string => token !== undefined && !special.test(token);

class Parser {
  readonly #tokens: string[];
  #at = 0;
  constructor(text: string) {
    this.#tokens = tokenize(text);
  }
  parse(): Requirement[] {
    const out: Requirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token === undefined) return out;
      if (token !== '!' && !isIdentifier(token)) throw badRequest(`found '${String(token)}', expected: !, identifier, or 'end of string'`);
      out.push(this.#requirement());
      const next = this.#take();
      if (next === undefined) return out;
      if (next !== ',') throw badRequest(`found '${next}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (after !== '!' && !isIdentifier(after)) throw badRequest(`found '${after ?? ''}', expected: identifier after ','`);
    }
  }
  #requirement(): Requirement {
    const negated = this.#peek() === '!';
    if (negated) this.#at++;
    const key = this.#take();
    if (!isIdentifier(key)) throw refuse(`found '${key ?? ''}', expected: identifier`);
    const problem = labelKeyProblems(key)[0];
    if (problem) throw refuse(`key: Invalid value: "${key}": ${problem}`);
    const next = this.#peek();
    if (negated) return { key, operator: '!', values: [] };
    if (next === undefined || next === ',') return { key, operator: 'exists', values: [] };
    return this.#operation(key);
  }
  #operation(key: string): Requirement {
    const operator = this.#take() as string;
    if (!operators.has(operator)) throw refuse(`found '${operator}', expected: in, notin, =, ==, !=, gt, lt`);
    const name = operator === '==' ? '=' : operator === '>' ? 'gt' : operator === '<' ? 'lt' : operator;
    const values = name === 'in' || name === 'notin' ? this.#values() : [this.#exact()];
    return check({ key, operator: name, values });
  }
  #exact(): string {
    const next = this.#peek();
    if (next === undefined || next === ',') return '';
    if (!isIdentifier(next)) throw refuse(`found '${String(next)}', expected: identifier`);
    this.#at++;
    return next;
  }
  #values(): string[] {
    const open = this.#take();
    if (open !== '(') throw refuse(`found '${open ?? ''}' expected: '('`);
    const out: string[] = [];
    for (let value = ''; ;) {
      const token = this.#take();
      if (token === ')' || token === ',') {
        out.push(value);
        value = '';
        if (token === ')') return out;
      } else if (isIdentifier(token) && value === '') value = token;
      else throw refuse(`found '${token ?? ''}', expected: ',', or ')'`);
    }
  }
  #peek(): string | undefined {
    return this.#tokens[this.#at];
  }
  #take(): string | undefined {
    return this.#tokens[this.#at++];
  }
}

const refuse = (text: string): Error => badRequest(`unable to parse requirement: ${text}`);

function check(requirement: Requirement): Requirement {
  requirement.values.forEach((value, i) => {
    if (requirement.operator === 'gt' || requirement.operator === 'lt') {
      if (!/^[+-]?\d+$/.test(value)) throw refuse(`values[${i}]: Invalid value: "${value}": for 'Gt', 'Lt' operators, the value must be an integer`);
      return;
    }
    const problem = labelValueProblems(value)[0];
    if (problem) throw refuse(`values[${i}][${requirement.key}]: Invalid value: "${value}": ${problem}`);
  });
  return requirement;
}

// Watches and controllers ask for the same few selectors again and again.
const cache = new Map<string, Requirement[]>();
function parseRequirements(text: string): Requirement[] {
  let found = cache.get(text);
  if (!found) {
    found = new Parser(text).parse();
    if (cache.size > 500) cache.clear();
    cache.set(text, found);
  }
  return found;
}

import { badRequest } from './errors.ts';
import type { KubeObject } from './object.ts';

export type FieldMatcher<T extends KubeObject = KubeObject> = (object: T) => boolean;

/** What a kind says of its selectable fields; `Kind` fits. */
export interface SelectableKind<T extends KubeObject> {
  readonly selectableFields: { readonly [field: string]: (object: T) => string };
}

/**
 * Parses `metadata.name=a,status.phase!=Running`. Throws BadRequest: `field label not supported: x` where the
 * kind has selectable fields of its own, and the text of the metadata-only kinds otherwise.
 */
export function parseFieldSelector<T extends KubeObject>(text: string | undefined, kind: SelectableKind<T>): FieldMatcher<T> {
  if (!text) return () => true;
  const terms = split(text)
    .filter((term) => term !== '')
    .map((term) => termMatcher(term, text, kind));
  if (terms.length === 1) return terms[0] as FieldMatcher<T>;
  return (object) => terms.every((match) => match(object));
}

/** The value that the selector demands of `field` (`metadata.name=x`), or undefined: lets a list read one key instead of all. */
export function fieldSelectorValue(text: string | undefined, field: string): string | undefined {
  for (const term of split(text ?? '')) {
    const [label, operator, value] = parts(term) ?? [];
    if (label === field && operator === '=') return value;
  }
  return undefined;
}

/** The terms that can be read, whatever fields they name. */
export function splitFieldSelector(text: string): { key: string; operator: '=' | '!='; value: string }[] {
  return split(text).flatMap((term) => {
    const [key, operator, value] = parts(term) ?? [];
    return key !== undefined && operator !== undefined ? [{ key, operator, value: value ?? '' }] : [];
  });
}

function termMatcher<T extends KubeObject>(term: string, text: string, kind: SelectableKind<T>): FieldMatcher<T> {
  const parsed = parts(term);
  if (!parsed) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
  const [label, operator, value] = parsed;
  const read = reader(label, kind);
  return operator === '=' ? (object) => read(object) === value : (object) => read(object) !== value;
}

function reader<T extends KubeObject>(label: string, kind: SelectableKind<T>): (object: T) => string {
  if (Object.hasOwn(kind.selectableFields, label)) return kind.selectableFields[label] as (object: T) => string;
  if (label === 'metadata.name') return (object) => object.metadata?.name ?? '';
  if (label === 'metadata.namespace') return (object) => object.metadata?.namespace ?? '';
  if (Object.keys(kind.selectableFields).length > 0) throw badRequest(`field label not supported: ${label}`);
  throw badRequest(`"${label}" is not a known field selector: only "metadata.name", "metadata.namespace"`);
}

function parts(term: string): [string, '=' | '!=', string] | undefined {
  const match = /^([^=!]*?)\s*(!=|==|=)(.*)$/s.exec(term);
  if (!match) return undefined;
  return [(match[1] as string).trim(), match[2] === '!=' ? '!=' : '=', unescape(match[3] as string)];
}
/** Commas split terms; a backslash takes the next character literally. */
function split(text: string): string[] {
  return text.match(/(?:\\.|[^,\\])+/gs) ?? [];
}
function unescape(value: string): string {
  return value.includes('\\') ? value.replace(/\\(.)/gs, '$1') : value;
}

import { own, type JSONSchemaProps } from './types.ts';

const escapes: { readonly [letter: string]: string | undefined } = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', "'": "'", '\\': '\\' };

/**
 * A rule's fieldPath (`.spec.a`, `.map['key']`) as field paths are written (`spec.a`, `map[key]`); undefined when it
 * does not lead to a field of the schema.
 */
export function fieldPathText(path: string, schema: JSONSchemaProps): string | undefined {
  let at: JSONSchemaProps | undefined = schema;
  let out = '';
  let rest = path;
  while (rest !== '') {
    const match = /^(?:\.([^.[\]']+)|\['((?:\\.|[^'\\])*)'\])/.exec(rest);
    if (!match) return undefined;
    rest = rest.slice(match[0].length);
    const bracketed = match[2];
    const name = bracketed === undefined ? match[1]! : bracketed.replace(/\\(.)/g, (text, letter: string) => escapes[letter] ?? text);
    const member: JSONSchemaProps | undefined = own(at.properties, name);
    const additional: JSONSchemaProps | undefined = typeof at.additionalProperties === 'object' ? at.additionalProperties : undefined;
    if (member !== undefined) out += out === '' ? name : `.${name}`;
    else if (additional !== undefined && at.properties === undefined) out += `[${name}]`;
    at = member ?? (at.properties === undefined ? additional : undefined);
    if (at === undefined) return undefined;
  }
  return out === '' ? undefined : out;
}

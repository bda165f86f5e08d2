import type { Document, DocumentOptions, LineCounter, ParseOptions, SchemaOptions, YAMLMap } from 'yaml';
import { badRequest } from '../errors.ts';
import { checkDepth, parseJsonStrict, type Parsed } from './parse-json.ts';

/** YAML 1.1 as the Go server reads it: `yes` and `on` are booleans; dates and 1:30 stay text; the last of equal keys counts. */
const yamlOptions: DocumentOptions & SchemaOptions & ParseOptions = {
  version: '1.1',
  schema: 'yaml-1.1',
  merge: true,
  uniqueKeys: false,
  customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !(tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME'))),
};

/** For YAML bodies and apply patches (JSON is YAML too, and is tried first). Several documents are an error. */
export async function parseYaml(text: string): Promise<Parsed> {
  if (/^\s*[{[]/.test(text)) {
    try {
      JSON.parse(text);
    } catch {
      return parseDocument(text); // flow-style YAML that is not JSON
    }
    return parseJsonStrict(text);
  }
  return parseDocument(text);
}

async function parseDocument(text: string): Promise<Parsed> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  let document: Document;
  let value: unknown;
  try {
    document = yaml.parseDocument(text, { ...yamlOptions, lineCounter: lines });
    const [error] = document.errors;
    if (error) throw error;
    value = document.toJS();
  } catch (error) {
    throw malformed(error); // also nesting without end, and aliases that would grow without end
  }
  checkDepth(value);
  const twice = duplicateKeys(yaml, document, lines);
  const strict = twice.length === 0 ? [] : [`error converting YAML to JSON: yaml: unmarshal errors:\n  ${twice.join('\n  ')}`];
  return { value, duplicates: [], strict };
}
const malformed = (error: unknown): Error =>
  badRequest(`error decoding YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '').replace(/:$/, '') : String(error)}`);

function duplicateKeys(yaml: typeof import('yaml'), document: Document, lines: LineCounter): string[] {
  const found: string[] = [];
  yaml.visit(document, {
    Map(_key, map: YAMLMap) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!yaml.isScalar(key)) continue;
        if (seen.has(key.value)) found.push(`line ${lines.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(key.value)} already set in map`);
        seen.add(key.value);
      }
    },
  });
  return found;
}

/**
 * Turns the schemas that the `@aws-sdk/client-*` packages carry into data files in src/aws/generated, one per service:
 * operations, shapes, errors, enumerations, with the traits that protocols need. Run: npm run generate (or this script
 * with the names of services). A unit test asserts that the files are what this script would write.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const out = join(root, 'src/aws/generated');

/** Services whose contracts are kept: the name of the package after `client-`. */
export const services = ['cloudwatch', 'ecr', 'eks', 'iam', 's3', 's3-control', 'sts'];

type Raw = unknown[] | number | (() => Raw);
type Traits = Record<string, unknown>;
type Ref = string | [string, Traits];

/** Bits of a number that stands for traits, lowest first (@smithy/core/schema, translateTraits). */
const traitBits = ['httpLabel', 'idempotent', 'idempotencyToken', 'sensitive', 'httpPayload', 'httpResponseCode', 'httpQueryParams'];
const traitsOf = (raw: unknown): Traits =>
  typeof raw === 'object' && raw !== null
    ? { ...(raw as Traits) }
    : Object.fromEntries(traitBits.flatMap((name, i) => ((Number(raw ?? 0) >> i) & 1 ? [[name, 1]] : [])));

/** Letters of scalars; everything below 64 is one, 64 up is a list of one, 128 up a map. */
const scalars: Readonly<Record<number, string>> = { 0: 's', 1: 'n', 2: 'b', 4: 't', 5: 'td', 6: 'th', 7: 'te', 15: 'j', 17: 'I', 19: 'D', 21: 'y', 42: 'Y' };
function scalar(code: number): string {
  const letter = scalars[code & 63];
  if (letter === undefined) throw new Error(`unknown type ${code}`);
  return `.${letter}${code >= 128 ? '{}' : code >= 64 ? '[]' : ''}`;
}

interface Shape {
  m?: Record<string, Ref>;
  /** How many of the members, from the first, are required. */
  r?: number;
  u?: 1;
  l?: Ref;
  k?: Ref;
  v?: Ref;
  x?: Traits;
}

/** The schema module's exports. It is read as text: its imports are classes that nobody needs here. */
async function exportsOf(service: string): Promise<Record<string, Raw>> {
  const text = readFileSync(join(root, `node_modules/@aws-sdk/client-${service}/dist-es/schemas/schemas_0.js`), 'utf8');
  const plain = text
    .replaceAll(/^import .*$|^.*registerError\(.*$|^const \w+_registry = .*$/gm, '')
    .replaceAll(/^export const errorTypeRegistries = \[.*?\];$/gms, '');
  return (await import(`data:text/javascript,${encodeURIComponent(plain)}`)) as Record<string, Raw>;
}

/** Which members are enumerations: types alone say it. */
function enumsOf(service: string): { values: Record<string, string[]>; members: Map<string, string> } {
  const dir = join(root, `node_modules/@aws-sdk/client-${service}/dist-types/models`);
  const values: Record<string, string[]> = {};
  const read = (name: string): string => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8').replaceAll(/\/\*\*.*?\*\//gs, '') : '');
  for (const [, name, body] of read('enums.d.ts').matchAll(/export declare const (\w+): \{(.*?)\n\}/gs)) {
    values[name as string] = [...(body as string).matchAll(/: "(.*?)";/g)].map((m) => m[1] as string);
  }
  const members = new Map<string, string>();
  for (const file of ['models_0.d.ts', 'models_1.d.ts', 'errors.d.ts']) {
    for (const [, name, body] of read(file).matchAll(/export interface (\w+)[^{]*\{(.*?)\n\}/gs)) {
      for (const [, member, type] of (body as string).matchAll(/^ {4}(\w+)\??: (\w+)(?:\[\])?(?: \| undefined)?;/gm)) {
        if (values[type as string]) members.set(`${name}.${member}`, type as string);
      }
    }
  }
  return { values, members };
}

function contractOf(service: string, modules: Record<string, Raw>): object {
  const shapes: Record<string, Shape> = {};
  const errors: Record<string, object> = {};
  const operations: Record<string, object> = {};
  const enums = enumsOf(service);
  const used = new Set<string>();

  const refOf = (raw: Raw): Ref => {
    let traits: Traits = {};
    let at: Raw = raw;
    for (;;) {
      if (typeof at === 'function') at = at();
      else if (Array.isArray(at) && at.length === 2) {
        traits = { ...traitsOf(at[1]), ...traits };
        at = at[0] as Raw;
      } else if (Array.isArray(at) && at[0] === 0) {
        traits = { ...traitsOf(at[3]), ...traits };
        at = at[4] as Raw;
      } else break;
    }
    if (at === ('unit' as unknown)) return '.u';
    const type = typeof at === 'number' ? scalar(at) : nameOf(at as unknown[]);
    return Object.keys(traits).length > 0 ? [type, traits] : type;
  };
  const nameOf = (raw: unknown[]): string => {
    const [kind, , name, x] = raw as [number, string, string, unknown];
    if (shapes[name]) return name;
    const shape: Shape = (shapes[name] = {});
    const traits = traitsOf(x);
    if (kind === 1) shape.l = refOf(raw[4] as Raw);
    else if (kind === 2) [shape.k, shape.v] = [refOf(raw[4] as Raw), refOf(raw[5] as Raw)];
    else {
      if (kind === 4) shape.u = 1;
      const members = raw[4] as string[];
      shape.m = Object.fromEntries(members.map((member, i) => [member, withEnum(`${name}.${member}`, refOf((raw[5] as Raw[])[i] as Raw))]));
      if (raw[6]) shape.r = raw[6] as number;
    }
    if (Object.keys(traits).length > 0) shape.x = traits;
    return name;
  };
  const withEnum = (path: string, ref: Ref): Ref => {
    const name = enums.members.get(path);
    const [type, traits] = typeof ref === 'string' ? [ref, {}] : ref;
    if (name === undefined || !['.s', '.s[]'].includes(type)) return ref;
    used.add(name);
    return [type, { ...traits, enum: name }];
  };

  for (const raw of Object.values(modules)) {
    const schema = typeof raw === 'function' ? raw() : raw;
    if (!Array.isArray(schema)) continue;
    const [kind, , name] = schema as [number, string, string];
    const traits = traitsOf(schema[3]);
    if (kind === 9) {
      const { http, ...rest } = traits;
      operations[name] = {
        i: refOf(schema[4] as Raw),
        o: refOf(schema[5] as Raw),
        ...(http ? { h: http } : {}),
        ...(Object.keys(rest).length ? { x: rest } : {}),
      };
    } else if (kind === -3) {
      nameOf(schema);
      errors[name] = traits;
    }
  }
  return { ...settingsOf(service), operations, errors, enums: Object.fromEntries([...used].toSorted().map((name) => [name, enums.values[name]])), shapes };
}

/** What the client's own configuration says of the protocol. */
function settingsOf(service: string): object {
  const dir = join(root, `node_modules/@aws-sdk/client-${service}`);
  const text = readFileSync(join(dir, 'dist-es/runtimeConfig.shared.js'), 'utf8');
  const setting = (pattern: RegExp): string => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`${service}: no ${pattern.source}`);
    return found;
  };
  const { version } = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as { version: string };
  return {
    package: `@aws-sdk/client-${service}@${version}`,
    serviceId: setting(/serviceId: config\?\.serviceId \?\? "(.*?)"/),
    protocol: setting(/protocol: config\?\.protocol \?\? (\w+)/),
    version: setting(/version: "(.*?)"/),
    namespace: /xmlNamespace: "(.*?)"/.exec(text)?.[1] ?? '',
    target: setting(/serviceTarget: "(.*?)"/),
  };
}

/** The text of a service's file. */
export async function render(service: string): Promise<string> {
  const contract = contractOf(service, await exportsOf(service)) as Record<string, unknown>;
  // A line per operation and shape, so that an update can be read.
  const entry = ([key, value]: [string, unknown]): string =>
    ['operations', 'errors', 'enums', 'shapes'].includes(key)
      ? `${JSON.stringify(key)}:{\n${Object.entries(value as object)
          .map(([name, v]) => `${JSON.stringify(name)}:${JSON.stringify(v)}`)
          .join(',\n')}\n}`
      : `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  return `{\n${Object.entries(contract).map(entry).join(',\n')}\n}\n`;
}

if (process.argv[1] === import.meta.filename) {
  const wanted = process.argv.slice(2);
  for (const service of wanted.length > 0 ? wanted : services) writeFileSync(join(out, `${service}.json`), await render(service));
}

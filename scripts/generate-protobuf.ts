/**
 * Writes src/kinds/generated/protobuf.json: the protobuf messages of the API types, for clients that send
 * application/vnd.kubernetes.protobuf (kubectl from 1.32, client-go). The source are the Go struct types with their
 * `json` and `protobuf` tags, which a Go program that registers them carries for reflection: they say exactly what
 * Go's JSON of a field is (names, inlining, omitempty, pointers). What is newer than the program, or what it lacks,
 * is in scripts/protobuf-additions.json, from the generated.proto files of k8s.io/api.
 * Run by hand: sh scripts/node.sh scripts/generate-protobuf.ts GO_PROGRAM… (kubectl 1.33 for k8s.io/api, then
 * one with k8s.io/apiextensions-apiserver, such as anthoscli; linux/amd64, not PIE; the first that knows a type says it)
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Go's reflect.Kind. */
const Kind = { bool: 1, int: 2, int32: 5, int64: 6, uint8: 8, uint64: 11, float64: 14, map: 21, pointer: 22, slice: 23, string: 24, struct: 25 };
interface Struct {
  readonly address: number;
  readonly name: string;
  readonly pkg: string;
}
interface GoField {
  readonly name: string;
  readonly tag: string;
  readonly type: number;
}

/** Reads the type descriptors in the read-only data of a Go program (internal/abi: Type, StructType, UncommonType, Name). */
class GoTypes {
  readonly #data: Buffer;
  readonly #base: number;
  constructor(file: string) {
    const elf = readFileSync(file);
    const table = Number(elf.readBigUInt64LE(40));
    const names = Number(elf.readBigUInt64LE(table + elf.readUInt16LE(62) * 64 + 24));
    for (let i = 0; i < elf.readUInt16LE(60); i++) {
      const at = table + i * 64;
      const name = names + elf.readUInt32LE(at);
      if (elf.subarray(name, elf.indexOf(0, name)).toString() !== '.rodata') continue;
      const offset = Number(elf.readBigUInt64LE(at + 24));
      this.#data = elf.subarray(offset, offset + Number(elf.readBigUInt64LE(at + 32)));
      this.#base = Number(elf.readBigUInt64LE(at + 16));
      return;
    }
    throw new Error(`${file} has no .rodata`);
  }
  /** All named struct types of the packages that `wanted` accepts. */
  structs(wanted: (pkg: string) => boolean): Struct[] {
    const found: Struct[] = [];
    for (let at = 0; at + 96 < this.#data.length; at += 8) {
      // Kind of a struct, with its flag for uncommon (named) types.
      if ((this.#data[at + 23]! & 31) !== Kind.struct || (this.#data[at + 20]! & 5) !== 5) continue;
      const count = this.#data.readBigUInt64LE(at + 64);
      if (count > 200n || count !== this.#data.readBigUInt64LE(at + 72)) continue;
      const name = this.#name(this.#data.readInt32LE(at + 40))?.text;
      const pkg = this.#name(this.#data.readInt32LE(at + 80))?.text;
      if (name && pkg && wanted(pkg)) found.push({ address: this.#base + at, name: name.replace(/^\*/, '').replace(/^.*\./, ''), pkg });
    }
    return found;
  }
  fields(address: number): GoField[] {
    const at = address - this.#base;
    const fields = this.#pointer(at + 56);
    return Array.from({ length: Number(this.#data.readBigUInt64LE(at + 64)) }, (_, i) => {
      const field = fields - this.#base + i * 24;
      const name = this.#name(this.#pointer(field) - this.#base)!;
      return { name: name.text, tag: name.tag, type: this.#pointer(field + 8) };
    });
  }
  kind(address: number): number {
    return this.#data[address - this.#base + 23]! & 31;
  }
  element(address: number): number {
    return this.#pointer(address - this.#base + (this.kind(address) === Kind.map ? 56 : 48));
  }
  isNamed(address: number): boolean {
    return (this.#data[address - this.#base + 20]! & 4) !== 0;
  }
  /** Name of the type; `v1.ExtraValue`, `[]string`. */
  typeName(address: number): string {
    return this.#name(this.#data.readInt32LE(address - this.#base + 40))!.text.replace(
      /^\*(?=.)/,
      (this.#data[address - this.#base + 20]! & 2) === 0 ? '*' : '',
    );
  }
  #pointer(at: number): number {
    return Number(this.#data.readBigUInt64LE(at));
  }
  #name(at: number): { text: string; tag: string } | undefined {
    if (at <= 0 || at + 2 > this.#data.length) return undefined;
    const flags = this.#data[at]!;
    if (flags > 15) return undefined;
    const [text, next] = this.#text(at + 1);
    return { text, tag: (flags & 2) !== 0 ? this.#text(next)[0] : '' };
  }
  #text(at: number): [string, number] {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#data[at++]!;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return [this.#data.toString('utf8', at, at + length), at + length];
  }
}

/** Directories under k8s.io/api whose group is not `DIRECTORY.k8s.io`. */
const groups: { readonly [dir: string]: string } = {
  core: '',
  apps: 'apps',
  autoscaling: 'autoscaling',
  batch: 'batch',
  policy: 'policy',
  rbac: 'rbac.authorization.k8s.io',
  flowcontrol: 'flowcontrol.apiserver.k8s.io',
  apiserverinternal: 'internal.apiserver.k8s.io',
  extensions: 'extensions',
};
/** `apps/v1`, `v1`, `meta.k8s.io/v1`: what stands before the dot in the name of a message. */
function prefixOf(pkg: string): string | undefined {
  const [, dir, version] =
    /^k8s\.io\/(?:api|apimachinery\/pkg\/apis|apiextensions-apiserver\/pkg\/apis|kube-aggregator\/pkg\/apis)\/(\w+)\/(v\w+)$/.exec(pkg) ?? [];
  if (!dir) return undefined;
  const group = groups[dir] ?? `${dir}.k8s.io`;
  return group === '' ? version : `${group}/${version}`;
}
/** Types whose JSON is not an object of their fields; the decoder knows them by a letter. */
const special: { readonly [type: string]: string } = {
  'meta.k8s.io/v1.Time': 't',
  'meta.k8s.io/v1.MicroTime': 'u',
  'meta.k8s.io/v1.Duration': 'n',
  'meta.k8s.io/v1.FieldsV1': 'r',
  'k8s.io/apimachinery/pkg/runtime.RawExtension': 'r',
  'apiextensions.k8s.io/v1.JSON': 'r',
  'k8s.io/apimachinery/pkg/api/resource.Quantity': 'q',
  'k8s.io/apimachinery/pkg/util/intstr.IntOrString': 'p',
};
const unions = new Set(['JSONSchemaPropsOrBool', 'JSONSchemaPropsOrArray', 'JSONSchemaPropsOrStringArray'].map((name) => `apiextensions.k8s.io/v1.${name}`));

type Message = { [number: string]: string };
type Messages = { [message: string]: Message };
/** Adds the messages of a program; what earlier programs said stays. */
function addMessages(messages: Messages, types: GoTypes): void {
  const byAddress = new Map<number, string>();
  for (const struct of types.structs((pkg) => pkg.startsWith('k8s.io/'))) byAddress.set(struct.address, `${prefixOf(struct.pkg) ?? struct.pkg}.${struct.name}`);
  const codeOf = (type: number, single: boolean): string => {
    switch (types.kind(type)) {
      case Kind.string:
        return 's';
      case Kind.bool:
        return 'b';
      case Kind.float64:
        return 'd';
      case Kind.pointer:
        return codeOf(types.element(type), single);
      case Kind.struct: {
        const name = byAddress.get(type);
        if (!name) throw new Error(`no name for ${types.typeName(type)}`);
        return special[name] ?? name;
      }
      case Kind.slice:
        if (types.kind(types.element(type)) === Kind.uint8) return 'y';
        // Named lists of strings with messages of their own: Verbs, ExtraValue.
        return single && types.isNamed(type) && types.kind(types.element(type)) === Kind.string ? 'l' : `${codeOf(types.element(type), true)}[]`;
      case Kind.map:
        return `${codeOf(types.element(type), true)}{}`;
      case Kind.int:
      case Kind.int32:
      case Kind.int64:
      case Kind.uint64:
      case 10:
        return 'i';
      default:
        throw new Error(`${types.typeName(type)} of kind ${types.kind(type)}`);
    }
  };
  for (const [address, name] of byAddress) {
    if (messages[name] || special[name]) continue;
    const message: Message = {};
    for (const field of types.fields(address)) {
      const [, number, label, protobufName] = /protobuf:"\w+,(\d+),(\w+)(?:,name=([^",]+))?/.exec(field.tag) ?? [];
      if (!number) continue;
      const [jsonName = '', ...options] = (/json:"([^"]*)"/.exec(field.tag)?.[1] ?? '').split(',');
      let code: string;
      try {
        code = codeOf(field.type, label !== 'rep');
      } catch (error) {
        if (prefixOf(name.replace(/\.\w+$/, ''))) throw error;
        continue;
      }
      // What encoding/json leaves out: zero scalars of fields with omitempty that are no pointers. IntOrString of 0 means unset.
      if (options.includes('omitempty') && (/^[sbidy]$/.test(code) || code === 'p') && types.kind(field.type) !== Kind.pointer) code += '?';
      const inline =
        jsonName === '' &&
        (options.includes('inline') ||
          (/^[A-Z]/.test(field.name) && types.kind(field.type) === Kind.struct && field.name === types.typeName(field.type).replace(/^.*\./, '')));
      message[number] = `${jsonName === '' || jsonName === '-' ? (protobufName ?? field.name) : jsonName}:${inline ? '=' : ''}${code}`;
    }
    if (unions.has(name)) message['0'] = '|';
    messages[name] = message;
  }
}

/** A v1 that is newer than the programs: groups are promoted with the field numbers of their last beta. */
function addPromoted(messages: Messages): void {
  for (const group of ['resource.k8s.io', 'admissionregistration.k8s.io', 'storage.k8s.io']) {
    for (const version of ['v1beta2', 'v1beta1', 'v1alpha1']) {
      const prefix = `${group}/${version}.`;
      for (const [name, message] of Object.entries(messages)) {
        if (name.startsWith(prefix))
          messages[`${group}/v1.${name.slice(prefix.length)}`] ??= JSON.parse(JSON.stringify(message).replaceAll(prefix, `${group}/v1.`)) as Message;
      }
    }
  }
}

const programs = process.argv.slice(2);
if (programs.length === 0) throw new Error('usage: generate-protobuf.ts GO_PROGRAM…');
const messages: Messages = {};
for (const program of programs) addMessages(messages, new GoTypes(program));
addPromoted(messages);
const additions = new URL('./protobuf-additions.json', import.meta.url);
if (existsSync(additions))
  for (const [name, fields] of Object.entries(JSON.parse(readFileSync(additions, 'utf8')) as Messages)) messages[name] = { ...messages[name], ...fields };

const generated = new URL('../src/kinds/generated/', import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, generated), 'utf8'));
const descriptions = read('descriptions.json') as { [type: string]: { name: string } };
const schemas = read('schemas.json') as { [type: string]: { [field: string]: string } };

/** `io.k8s.api.apps.v1.Deployment` → `apps/v1.Deployment`. */
function messageOf(name: string): string {
  const pkg = name
    .replace(/^io\.k8s\./, 'k8s.io/')
    .replace(/^(k8s\.io\/)/, '$1')
    .split('.');
  const type = pkg.pop()!;
  return `${prefixOf(pkg.join('/').replace('k8s/io', 'k8s.io')) ?? pkg.join('/')}.${type}`;
}
const wanted = new Map<string, Message>();
const missing: string[] = [];
function want(name: string): void {
  if (wanted.has(name)) return;
  const message = messages[name];
  if (!message) return void missing.push(name);
  wanted.set(name, message);
  for (const field of Object.values(message)) {
    const code = field.replace(/^[^:]*:=?/, '').replace(/(\[\]|\{\})$/, '');
    if (code.includes('.')) want(code);
  }
}
for (const [type, { name }] of Object.entries(descriptions)) {
  const message = messageOf(name);
  if (special[message]) continue;
  want(message);
  const known = new Set(namesOf(message));
  for (const field of Object.keys(schemas[type] ?? {}))
    if (messages[message] && !known.has(field) && field !== 'apiVersion' && field !== 'kind' && !messages[message]['0'])
      missing.push(`${message} ${field} (${schemas[type]![field]})`);
}
function namesOf(message: string): string[] {
  return Object.values(messages[message] ?? {}).flatMap((field) => {
    const [name = '', code = ''] = field.split(':');
    return code.startsWith('=') ? namesOf(code.slice(1)) : [name];
  });
}
for (const name of missing) console.error(`not in the programs: ${name}`);
const lines = [...wanted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, message]) => `${JSON.stringify(name)}:${JSON.stringify(message)}`);
writeFileSync(process.env['OUT'] ?? new URL('protobuf.json', generated), `{\n${lines.join(',\n')}\n}\n`);

/**
 * Writes src/kinds/generated/protobuf.json: the protobuf field numbers of the API types, for clients that send
 * application/vnd.kubernetes.protobuf (kubectl create, client-go). They are not in @kubernetes/client-node; this
 * reads the descriptors that a kubectl (up to 1.33) carries.
 * Run by hand: sh scripts/node.sh scripts/generate-protobuf.ts PATH_TO_KUBECTL
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

interface Raw {
  field: number;
  number: number;
  bytes: Buffer;
}

function parse(buffer: Buffer): Raw[] {
  const out: Raw[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = buffer[at++]!;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < buffer.length) {
    const tag = varint();
    const wire = tag & 7;
    if (wire === 0) out.push({ field: tag >> 3, number: varint(), bytes: Buffer.alloc(0) });
    else if (wire === 2) {
      const length = varint();
      out.push({ field: tag >> 3, number: 0, bytes: buffer.subarray(at, at + length) });
      at += length;
    } else throw new Error(`wire type ${wire}`);
  }
  return out;
}
const text = (raws: Raw[], field: number): string => raws.find((raw) => raw.field === field)?.bytes.toString() ?? '';

interface Field {
  number: number;
  /** Full name of the message type, for example k8s.io.api.core.v1.VolumeSource; '' for scalars. */
  type: string;
}
type Messages = Map<string, { [field: string]: Field }>;
/** Field name → number; `~2` → the table of a message in field 2 whose members stand in the owner's JSON (embedded structs). */
type Table = { [field: string]: number | Table };

/** FileDescriptorProto: package 2, message_type 4; DescriptorProto: name 1, field 2; FieldDescriptorProto: name 1, number 3, type_name 6. */
function messagesIn(binary: Buffer): Messages {
  const messages: Messages = new Map();
  const magic = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0]);
  for (let at = binary.indexOf(magic); at >= 0; at = binary.indexOf(magic, at + 1)) {
    const data = inflate(binary.subarray(at, at + 400_000));
    if (!data) continue;
    const file = parse(data);
    const name = text(file, 2);
    if (!name.startsWith('k8s.io.')) continue;
    for (const message of file.filter((raw) => raw.field === 4)) {
      const parts = parse(message.bytes);
      const fields: { [field: string]: Field } = {};
      for (const part of parts.filter((raw) => raw.field === 2)) {
        const field = parse(part.bytes);
        fields[text(field, 1)] = { number: field.find((raw) => raw.field === 3)!.number, type: text(field, 6).replace(/^\./, '') };
      }
      messages.set(`${name}.${text(parts, 1)}`, fields);
    }
  }
  return messages;
}

function tableOf(messages: Messages, message: string, members: { [field: string]: string }): Table {
  const table: Table = {};
  for (const [name, field] of Object.entries(messages.get(message)!)) {
    if (members[name] !== undefined) table[name] = field.number;
    else if (messages.has(field.type)) table[`~${field.number}`] = tableOf(messages, field.type, members);
  }
  return table;
}

/** What follows the stream in the binary is no gzip: take what there is. Undefined when it is no stream at all. */
function inflate(buffer: Buffer): Buffer | undefined {
  try {
    return gunzipSync(buffer, { finishFlush: 2 });
  } catch {
    return undefined;
  }
}

const kubectl = process.argv[2];
if (!kubectl) throw new Error('usage: generate-protobuf.ts PATH_TO_KUBECTL');
const generated = new URL('../src/kinds/generated/', import.meta.url);
const descriptions = JSON.parse(readFileSync(new URL('descriptions.json', generated), 'utf8')) as { [type: string]: { name: string } };
const messages = messagesIn(readFileSync(kubectl));
if (messages.size < 300) throw new Error(`only ${messages.size} messages: this kubectl carries no descriptors`);
const schemas = JSON.parse(readFileSync(new URL('schemas.json', generated), 'utf8')) as { [type: string]: { [field: string]: string } };
const lines: string[] = [];
for (const [type, { name }] of Object.entries(descriptions)) {
  const message = name.replace(/^io\.k8s\./, 'k8s.io.');
  if (messages.has(message)) lines.push(`${JSON.stringify(type)}:${JSON.stringify(tableOf(messages, message, schemas[type]!))}`);
}
writeFileSync(new URL('protobuf.json', generated), `{\n${lines.join(',\n')}\n}\n`);

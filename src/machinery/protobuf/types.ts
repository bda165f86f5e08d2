/**
 * The protobuf messages of the API. Keys are `GROUP/VERSION.Type` (`v1.Pod`, `apps/v1.Deployment`,
 * `meta.k8s.io/v1.ObjectMeta`), values map a field number to `jsonName:code`. The codes:
 *
 *   s string, b bool, i integer, d double, y bytes (base64 in JSON)
 *   t Time, u MicroTime, q Quantity, p IntOrString, r raw JSON (RawExtension, FieldsV1, JSON)
 *   l a message that stands for a list of strings (Verbs, ExtraValue)
 *   anything else: the name of a message
 *
 * `[]` after it = repeated, `{}` = map from string, `?` = its zero value is left out of the JSON (Go: omitempty and no
 * pointer; protobuf sends it all the same), `=` before it = the members of the message stand in its owner (Go:
 * inline). A message with the field 0 `|` is a union: its JSON is the value of the highest field present.
 */
export interface ProtobufTypes {
  readonly [message: string]: { readonly [number: string]: string };
}

export interface Field {
  readonly name: string;
  readonly code: string;
  readonly shape: 'one' | 'list' | 'map';
  readonly inline: boolean;
  readonly omitZero: boolean;
}
export interface Message {
  readonly union: boolean;
  readonly fields: ReadonlyMap<number, Field>;
}

export function parseMessage(declared: { readonly [number: string]: string }): Message {
  const fields = new Map<number, Field>();
  for (const [number, text] of Object.entries(declared)) if (number !== '0') fields.set(Number(number), parseField(text));
  return { union: declared['0'] === '|', fields };
}

function parseField(text: string): Field {
  const match = /^([^:]+):(=?)(.+?)(\[\]|\{\})?(\??)$/.exec(text);
  if (!match) throw new Error(`bad field of a protobuf message: ${text}`);
  const [, name = '', inline, code = '', shape, omit] = match;
  return { name, code, shape: shape === '[]' ? 'list' : shape === '{}' ? 'map' : 'one', inline: inline === '=', omitZero: omit === '?' };
}

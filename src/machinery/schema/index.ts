export * from './schema-set.ts';
export * from './parse-json.ts';
export { parseYaml } from './parse-yaml.ts';
export { canonicalQuantity } from './scalars.ts';
export { decode, decodeObject, type Decoded, type DecodeRequest, type FieldValidation } from './decode.ts';

export type { JSONSchemaProps, ValidationRule } from './types.ts';
export { compileStructural, type Pruned, type StructuralOptions, type StructuralType } from './structural-type.ts';
export type { MetadataDecoder } from './prune.ts';
export { validateStructural } from './rules.ts';
export { parseJsonPath, type JsonPath } from './json-path.ts';
export { printerColumns, selectableFields, simplePath, valueAt, type PrinterColumn } from './columns.ts';

import { readFileSync } from 'node:fs';
import { createSchemaSet, type SchemaSet, type TypeDescriptions } from '#machinery';
import { facts } from './facts.ts';
import types from './generated/schemas.json' with { type: 'json' };

/** The types of all Kubernetes kinds, also of those that are not served yet. */
export const schemas: SchemaSet = createSchemaSet(types, facts);

/** Texts and OpenAPI names of the types; 600 KB that only OpenAPI needs, so read when asked for. */
export function loadDescriptions(): TypeDescriptions {
  return JSON.parse(readFileSync(new URL('./generated/descriptions.json', import.meta.url), 'utf8')) as TypeDescriptions;
}

import { readFileSync } from 'node:fs';
import { createSchemaSet, type SchemaSet, type TypeDescriptions } from '#machinery';
import { facts } from './facts.ts';
import { awsDescriptions, awsSchemas } from './aws/index.ts';
import { batutaDescriptions } from './batuta/descriptions.ts';
import { nodeGroupTypes } from './batuta/nodegroup.ts';
import { stageDescriptions } from './batuta/stage-descriptions.ts';
import { stageTypes } from './batuta/stage.ts';
import types from './generated/schemas.json' with { type: 'json' };

/** The types of all Kubernetes kinds, also of those that are not served yet, and of our own. */
export const schemas: SchemaSet = createSchemaSet({ ...types, ...nodeGroupTypes, ...stageTypes, ...awsSchemas }, facts);

/** Texts and OpenAPI names of the types; 600 KB that only OpenAPI needs, so read when asked for. */
export function loadDescriptions(): TypeDescriptions {
  const generated = JSON.parse(readFileSync(new URL('./generated/descriptions.json', import.meta.url), 'utf8')) as TypeDescriptions;
  return { ...generated, ...batutaDescriptions, ...stageDescriptions, ...awsDescriptions };
}

import type { KubeObject } from '../object.ts';
import type { PatchSchema } from '../schema-view.ts';
import { mergeConfiguration } from './merge.ts';
import { isObject, typeNode, type Field, type JsonObject, type TypeNode } from './types.ts';

/**
 * A configuration laid over an object without anyone becoming its owner (the apply configurations of admission
 * policies). Nothing is removed; values that are replaced whole are refused, since what they leave out would go.
 */
export function overlayConfiguration(object: KubeObject, configuration: KubeObject, schema: PatchSchema, type: string): KubeObject {
  const node = typeNode(schema, type);
  const { apiVersion: _version, kind: _kind, ...config } = configuration as JsonObject;
  const atomics: string[] = [];
  findAtomics(config, node, '', atomics);
  if (atomics.length > 0)
    throw new Error(`error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`);
  return mergeConfiguration(object as JsonObject, config, node) as KubeObject;
}

function findAtomics(value: JsonObject, node: TypeNode, path: string, found: string[]): void {
  for (const [key, item] of Object.entries(value)) {
    if (typeof item !== 'object' || item === null) continue;
    const field: Field = node.field(key);
    const at = `${path}.${key}`;
    if (field.shape === 'leaf') found.push(at);
    else if (field.shape === 'granular' && isObject(item)) findAtomics(item, field.child, at, found);
    else if (field.shape === 'listmap' && Array.isArray(item)) item.forEach((one, i) => isObject(one) && findAtomics(one, field.child, `${at}[${i}]`, found));
  }
}

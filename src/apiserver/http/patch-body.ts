import { badRequest, goText, parseJsonStrict, parseYaml, type Json, type PatchType } from '#machinery';
import { readBody } from './body.ts';
import { bodyType, refuseBodyType } from './negotiate.ts';
import type { PatchedAs } from './decoding.ts';
import { tapOf } from './taps.ts';
import type { Request } from './types.ts';

export interface PatchBody extends PatchedAs {
  readonly type: PatchType;
  readonly body: Json;
  /** Duplicate keys of an apply configuration: refused or warned of once it could be applied. */
  readonly strict: readonly string[];
}

export const applyType = 'application/apply-patch+yaml';
const patchTypes: readonly PatchType[] = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', applyType];

/** Throws UnsupportedMediaType and BadRequest. */
export async function readPatchBody(request: Request): Promise<PatchBody> {
  const patch = await readPatch(request);
  tapOf(request)?.request(patch.body);
  return patch;
}
async function readPatch(request: Request): Promise<PatchBody> {
  const type = bodyType(request) as PatchType;
  if (!patchTypes.includes(type)) throw refuseBodyType(type, patchTypes);
  const text = await readBody(request);
  if (type === applyType) {
    const { value, duplicates, strict = [] } = await parseYaml(text);
    return { type, body: value as Json, strict: [...strict, ...duplicates.map(duplicate)], findings: [], text: String };
  }
  const { value, duplicates } = parse(text);
  const prefix = type === 'application/json-patch+json' ? 'json patch ' : '';
  const shown = type === 'application/strategic-merge-patch+json' ? (): string => goText(value) : (patched: Json): string => JSON.stringify(patched);
  return { type, body: value, strict: [], findings: duplicates.map((path) => prefix + duplicate(path)), text: shown };
}
const duplicate = (path: string): string => `duplicate field "${path}"`;

function parse(text: string): { value: Json; duplicates: readonly string[] } {
  try {
    return parseJsonStrict(text) as { value: Json; duplicates: readonly string[] };
  } catch (error) {
    throw badRequest(`error decoding patch: ${(error as Error).message.replace('the object provided is unrecognized (must be of type json): ', '')}`);
  }
}

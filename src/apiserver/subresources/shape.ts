import { badRequest, type KubeObject } from '#machinery';

/** What a value must be where it is given: a type, a list of it, or fields (`*` for all of a map). */
export type Shape = 'string' | 'number' | readonly [Shape] | { readonly [field: string]: Shape };

/**
 * Checks the spec of an object that is only ever posted and has no schema. Throws BadRequest with the words of
 * kube-apiserver's decoder. Fields that the shape does not name are left alone.
 */
export function checkShape(body: KubeObject, kind: string, spec: Shape): void {
  const found = mismatch((body as { spec?: unknown }).spec, typeof spec === 'object' ? spec : {}, 'spec');
  const metadata = (body as { metadata?: unknown }).metadata;
  const wrong = found ?? mismatch(metadata, { name: 'string', namespace: 'string' }, 'metadata');
  if (!wrong) return;
  throw badRequest(
    `${kind} in version "v1" cannot be handled as a ${kind}: json: cannot unmarshal ${wrong.is} into Go struct field ${kind}.${wrong.path} of type ${wrong.wanted}`,
  );
}

interface Mismatch {
  readonly path: string;
  readonly is: string;
  readonly wanted: string;
}
function mismatch(value: unknown, shape: Shape, path: string): Mismatch | undefined {
  if (value === undefined || value === null) return undefined;
  const is = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  if (typeof shape === 'string') return is === shape ? undefined : { path, is, wanted: shape === 'number' ? 'int64' : shape };
  if (isList(shape)) return Array.isArray(value) ? first(value, (item) => mismatch(item, shape[0], path)) : { path, is, wanted: '[]string' };
  if (is !== 'object') return { path, is, wanted: 'object' };
  return first(Object.entries(value), ([field, inner]) => {
    const wanted = shape[field] ?? shape['*'];
    return wanted && mismatch(inner, wanted, `${path}.${field}`);
  });
}
function isList(shape: Exclude<Shape, string>): shape is readonly [Shape] {
  return Array.isArray(shape);
}
function first<T>(items: readonly T[], check: (item: T) => Mismatch | undefined): Mismatch | undefined {
  for (const item of items) {
    const found = check(item);
    if (found) return found;
  }
  return undefined;
}

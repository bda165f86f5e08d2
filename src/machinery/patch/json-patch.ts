import { isDeepStrictEqual } from 'node:util';
import { ApiError, badRequest } from '../errors.ts';
import { cloneObject, type Json } from '../object.ts';

/** RFC 6902. The texts are those of kube-apiserver's patch library. */

type Container = Json[] | { [key: string]: Json };
interface Operation {
  op: string;
  path: string;
  from?: string;
  value?: Json;
}

const maxOperations = 10_000;

/** The patched copy; `target` is not changed. Throws BadRequest (malformed), RequestEntityTooLarge or Invalid (does not apply). */
export function jsonPatch(target: Json, patch: Json): Json {
  const operations = decode(patch);
  let document = cloneObject(target);
  for (const operation of operations) document = apply(document, operation);
  return document;
}

function decode(patch: Json): Operation[] {
  if (!Array.isArray(patch)) throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  if (patch.length > maxOperations) {
    throw new ApiError('RequestEntityTooLarge', `The allowed maximum operations in a JSON patch is ${maxOperations}, got ${patch.length}`);
  }
  return patch.map((item) => {
    if (item === null || typeof item !== 'object' || Array.isArray(item))
      throw badRequest('json: cannot unmarshal value into Go value of type jsonpatch.Operation');
    return item as unknown as Operation;
  });
}

function apply(document: Json, operation: Operation): Json {
  const { op, path } = operation;
  if (typeof op !== 'string') throw refuse('Unexpected kind: unknown');
  if (typeof path !== 'string') throw refuse(`error in ${op} for path: missing "path"`);
  switch (op) {
    case 'add':
      return add(document, path, required(operation), 'add');
    case 'remove':
      return remove(document, path);
    case 'replace':
      return replace(document, path, required(operation));
    case 'move':
      return move(document, from(operation), path);
    case 'copy':
      return add(document, path, cloneObject(read(document, from(operation), 'copy')), 'copy');
    case 'test':
      return test(document, path, operation.value === undefined ? null : operation.value);
    default:
      throw refuse(`Unexpected kind: ${op}`);
  }
}

function required(operation: Operation): Json {
  if (operation.value === undefined) throw refuse(`error in ${operation.op} for path: '${operation.path}': missing "value"`);
  return cloneObject(operation.value);
}
function from(operation: Operation): string {
  if (typeof operation.from !== 'string') throw refuse(`error in ${operation.op} for path: '${operation.path}': missing "from"`);
  return operation.from;
}

function segments(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw refuse(`invalid JSON pointer: "${path}"`);
  return path
    .slice(1)
    .split('/')
    .map((s) => s.replace(/~1/g, '/').replace(/~0/g, '~'));
}

/** The container that holds the last segment, or undefined when the way there does not exist. */
function parent(document: Json, path: readonly string[]): Container | undefined {
  let at: Json | undefined = document;
  for (let i = 0; i < path.length - 1; i++) {
    if (at === null || typeof at !== 'object') return undefined;
    const key = path[i] as string;
    at = Array.isArray(at) ? at[index(key, at.length)] : own(at, key);
  }
  return at !== null && typeof at === 'object' ? at : undefined;
}
const own = (object: { [key: string]: Json }, key: string): Json | undefined => (Object.hasOwn(object, key) ? object[key] : undefined);

/** An array index of RFC 6901: no sign, no leading zero. -1 when it is not one; may lie past the end. */
function index(key: string, length: number): number {
  if (!/^(0|[1-9]\d*)$/.test(key)) return -1;
  const value = Number(key);
  return value <= length ? value : -1;
}

function add(document: Json, path: string, value: Json, op: string): Json {
  const way = segments(path);
  if (way.length === 0) return value;
  const into = parent(document, way);
  if (!into) throw refuse(`${op} operation does not apply: doc is missing path: "${path}": missing value`);
  const key = way.at(-1) as string;
  if (!Array.isArray(into)) set(into, key, value);
  else if (key === '-') into.push(value);
  else {
    const at = index(key, into.length);
    if (at < 0) throw refuse(`error in ${op} for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`);
    into.splice(at, 0, value);
  }
  return document;
}

function remove(document: Json, path: string): Json {
  const way = segments(path);
  if (way.length === 0) throw refuse(`remove operation does not apply: doc is missing path: "${path}": missing value`);
  const into = parent(document, way);
  if (!into) throw refuse(`remove operation does not apply: doc is missing path: "${path}": missing value`);
  const key = way.at(-1) as string;
  if (Array.isArray(into)) {
    const at = index(key, into.length - 1);
    if (at < 0 || at >= into.length) throw refuse(`error in remove for path: '${path}': Unable to access invalid index: ${key}: invalid index referenced`);
    into.splice(at, 1);
  } else {
    if (!Object.hasOwn(into, key)) throw refuse(`error in remove for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`);
    delete into[key];
  }
  return document;
}

function replace(document: Json, path: string, value: Json): Json {
  const way = segments(path);
  if (way.length === 0) return value;
  const into = parent(document, way);
  if (!into) throw refuse(`replace operation does not apply: doc is missing path: ${path}: missing value`);
  const key = way.at(-1) as string;
  if (Array.isArray(into)) {
    const at = index(key, into.length - 1);
    if (at < 0 || at >= into.length) throw refuse(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    into[at] = value;
  } else {
    if (!Object.hasOwn(into, key)) throw refuse(`replace operation does not apply: doc is missing key: ${path}: missing value`);
    set(into, key, value);
  }
  return document;
}

function move(document: Json, source: string, path: string): Json {
  if (path === source) return document;
  if (path.startsWith(`${source}/`)) throw refuse(`error in move for path: '${path}': cannot move a value into itself`);
  const value = read(document, source, 'move');
  return add(remove(document, source), path, value, 'move');
}

function read(document: Json, path: string, op: string): Json {
  const way = segments(path);
  if (way.length === 0) return document;
  const found = lookup(document, way);
  if (found === undefined) throw refuse(`error in ${op} for path: '${path}': missing value`);
  return found;
}
function lookup(document: Json, way: readonly string[]): Json | undefined {
  if (way.length === 0) return document;
  const holder = parent(document, way);
  if (!holder) return undefined;
  const key = way.at(-1) as string;
  return Array.isArray(holder) ? holder[index(key, holder.length - 1)] : own(holder, key);
}

function test(document: Json, path: string, value: Json): Json {
  const found = lookup(document, segments(path));
  if (found === undefined ? value === null : isDeepStrictEqual(found, value)) return document;
  throw refuse(`testing value ${path} failed: test failed`);
}

function set(object: { [key: string]: Json }, key: string, value: Json): void {
  // A plain assignment to __proto__ would change the prototype instead of adding a member.
  if (key === '__proto__') Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

const refuse = (message: string): ApiError =>
  new ApiError('Invalid', 'the server rejected our request due to an error in our request', { causes: [{ reason: 'UnexpectedServerResponse', message }] });

import { readFileSync } from 'node:fs';

/** What protocols need to know of a member or a shape beyond its type (Smithy traits). */
export interface Traits {
  readonly httpLabel?: 1;
  readonly httpQuery?: string;
  readonly httpQueryParams?: 1;
  readonly httpHeader?: string;
  readonly httpPrefixHeaders?: string;
  readonly httpPayload?: 1;
  readonly httpResponseCode?: 1;
  readonly streaming?: 1;
  readonly sensitive?: 1;
  readonly idempotencyToken?: 1;
  readonly xmlName?: string;
  readonly xmlFlattened?: 1;
  readonly xmlAttribute?: 1;
  /** Prefix and URI, of members; URI of shapes. */
  readonly xmlNamespace?: string | readonly [string, string];
  readonly ec2QueryName?: string;
  readonly jsonName?: string;
  /** Name of the enumeration that a string is one of. */
  readonly enum?: string;
}

export type ScalarType = 'string' | 'number' | 'boolean' | 'timestamp' | 'blob' | 'document' | 'bigInteger' | 'bigDecimal';

export type Shape =
  | { readonly kind: 'scalar'; readonly type: ScalarType; readonly format: 'date-time' | 'http-date' | 'epoch-seconds' | undefined }
  | { readonly kind: 'unit' }
  | { readonly kind: 'list'; readonly member: Member }
  | { readonly kind: 'map'; readonly key: Member; readonly value: Member }
  | { readonly kind: 'structure'; readonly name: string; readonly union: boolean; readonly members: readonly Member[]; readonly traits: Traits };

/** A member of a structure, or what a list or a map holds. */
export interface Member {
  readonly name: string;
  readonly shape: Shape;
  readonly traits: Traits;
  readonly required: boolean;
}
export type Structure = Extract<Shape, { kind: 'structure' }>;

export interface HttpBinding {
  readonly method: string;
  /** As `/{Bucket}/{Key+}?acl`. */
  readonly uri: string;
  readonly status: number;
}
export interface Operation {
  readonly name: string;
  readonly input: Member;
  readonly output: Member;
  readonly http: HttpBinding | undefined;
}
/** How an error is answered. */
export interface ErrorShape {
  readonly code: string;
  readonly status: number;
  readonly fault: 'client' | 'server';
  readonly members: readonly Member[];
}

/** The contract of a service: what its API has, whether it is implemented here or not. */
export interface Contract {
  readonly serviceId: string;
  readonly version: string;
  readonly protocol: string;
  readonly namespace: string;
  /** What stands before the dot in X-Amz-Target. */
  readonly target: string;
  /** Whether its errors have codes of the query protocol besides their names. */
  readonly queryCompatible: boolean;
  readonly operations: readonly string[];
  operation(name: string): Operation | undefined;
  /** By the name of the shape. */
  error(name: string): ErrorShape | undefined;
  enumeration(name: string): readonly string[];
}

type RawRef = string | readonly [string, Traits];
export interface RawShape {
  readonly m?: Readonly<Record<string, RawRef>>;
  readonly r?: number;
  readonly u?: 1;
  readonly l?: RawRef;
  readonly k?: RawRef;
  readonly v?: RawRef;
  readonly x?: Traits;
}
export interface RawContract extends Omit<Contract, 'operations' | 'operation' | 'error' | 'enumeration' | 'queryCompatible'> {
  readonly operations: Readonly<Record<string, { i: RawRef; o: RawRef; h?: [string, string, number] }>>;
  readonly errors: Readonly<Record<string, { error?: 'client' | 'server'; httpError?: number; awsQueryError?: [string, number] }>>;
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly shapes: Readonly<Record<string, RawShape>>;
}

/** Letters of scalars in the generated files (scripts/generate-aws.ts). */
const scalars: Readonly<Record<string, [ScalarType, ('date-time' | 'http-date' | 'epoch-seconds')?]>> = {
  s: ['string'],
  n: ['number'],
  b: ['boolean'],
  t: ['timestamp'],
  td: ['timestamp', 'date-time'],
  th: ['timestamp', 'http-date'],
  te: ['timestamp', 'epoch-seconds'],
  j: ['document'],
  I: ['bigInteger'],
  D: ['bigDecimal'],
  y: ['blob'],
  Y: ['blob'],
};
const none: Traits = {};

/** Reads the contract of a service from src/aws/generated. Shapes are built when they are first asked for. */
export function loadContract(name: string): Contract {
  return buildContract(JSON.parse(readFileSync(new URL(`../generated/${name}.json`, import.meta.url), 'utf8')) as RawContract);
}

export function buildContract(raw: RawContract): Contract {
  const shapes = new Map<string, Shape>();
  const member = (name: string, ref: RawRef, required = false): Member => {
    const [type, traits] = typeof ref === 'string' ? [ref, none] : ref;
    // Shapes may hold themselves: a member finds its shape when asked.
    return {
      name,
      traits,
      required,
      get shape() {
        return shapeOf(type);
      },
    };
  };
  const shapeOf = (type: string): Shape => {
    const known = shapes.get(type);
    if (known) return known;
    const made = type.startsWith('.') ? simple(type) : named(type);
    shapes.set(type, made);
    return made;
  };
  const simple = (type: string): Shape => {
    if (type === '.u') return { kind: 'unit' };
    if (type.endsWith('[]')) return { kind: 'list', member: member('member', type.slice(0, -2)) };
    if (type.endsWith('{}')) return { kind: 'map', key: member('key', '.s'), value: member('value', type.slice(0, -2)) };
    const [scalar, format] = scalars[type.slice(1)] ?? ['document'];
    return { kind: 'scalar', type: scalar, format };
  };
  const named = (name: string): Shape => {
    const shape = raw.shapes[name];
    if (!shape) throw new Error(`contract of ${raw.serviceId}: no shape ${name}`);
    if (shape.l !== undefined) return { kind: 'list', member: member('member', shape.l) };
    if (shape.v !== undefined) return { kind: 'map', key: member('key', shape.k ?? '.s'), value: member('value', shape.v) };
    const members = Object.entries(shape.m ?? {}).map(([key, ref], i) => member(key, ref, i < (shape.r ?? 0)));
    return { kind: 'structure', name, union: shape.u === 1, members, traits: shape.x ?? none };
  };
  const operations = new Map<string, Operation>();
  return {
    serviceId: raw.serviceId,
    version: raw.version,
    protocol: raw.protocol,
    namespace: raw.namespace,
    target: raw.target,
    queryCompatible: raw.protocol !== 'AwsQueryProtocol' && Object.values(raw.errors).some(({ awsQueryError }) => awsQueryError !== undefined),
    operations: Object.keys(raw.operations),
    operation(name) {
      const found = operations.get(name);
      if (found) return found;
      const given = Object.hasOwn(raw.operations, name) ? raw.operations[name] : undefined;
      if (!given) return undefined;
      const [method, uri, status] = given.h ?? [];
      const http = method === undefined || uri === undefined ? undefined : { method, uri, status: status ?? 200 };
      const made = { name, input: member('input', given.i), output: member('output', given.o), http };
      operations.set(name, made);
      return made;
    },
    error(name) {
      const traits = Object.hasOwn(raw.errors, name) ? raw.errors[name] : undefined;
      if (!traits) return undefined;
      const shape = shapeOf(name);
      return {
        code: traits.awsQueryError?.[0] ?? name,
        status: traits.httpError ?? traits.awsQueryError?.[1] ?? (traits.error === 'server' ? 500 : 400),
        fault: traits.error ?? 'client',
        members: shape.kind === 'structure' ? shape.members : [],
      };
    },
    enumeration: (name) => raw.enums[name] ?? [],
  };
}

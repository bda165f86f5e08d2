import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { tests as conformance } from '@bufbuild/cel-spec/testdata/conformance.js';
import { compileCel } from './compile.ts';
import { celEquals } from './equality.ts';
import { toJson } from './json.ts';
import { bool, bytes, double, duration, dyn, int, listOf, mapOf, nullType, optionalOf, string, timestamp, typeOf, uint, type CelType } from './types.ts';
import { List, LiteralMap, TypeValue, typeNameOf, Uint, type Value } from './values.ts';

/** Suites of CEL's own conformance tests that are not run, each with the reason. */
const suitesLeftOut: { readonly [name: string]: string } = {
  block_ext: 'cel.block is how optimizers write expressions down',
  dynamic: 'protocol buffers',
  encoders_ext: 'base64 is not in the environment of Kubernetes',
  enums: 'protocol buffers',
  math_ext: 'math is not in the environment of Kubernetes',
  proto2: 'protocol buffers',
  proto2_ext: 'protocol buffers',
  proto3: 'protocol buffers',
  wrappers: 'protocol buffers',
};
const reasonOf = (test: Original): string | undefined => {
  const text = test.expr;
  if (test.container) return 'names are never relative';
  if (/TestAllTypes|google\.protobuf\.|cel\.expr\./.test(text) && !/google\.protobuf\.(Timestamp|Duration)\b(?!\{)/.test(text)) return 'protocol buffers';
  if (/`/.test(text)) return 'quoted fields are not in the environment of Kubernetes';
  if (JSON.stringify(test.typeEnv ?? []).includes('"function"')) return 'functions of the test itself';
  if (/messageType|wrapper|wellKnown":"ANY/.test(JSON.stringify([test.typeEnv, test.bindings, test.typedResult]))) return 'protocol buffers';
  if (test.disableCheck) return 'types are always checked';
  return undefined;
};

interface TypeJson {
  primitive?: string;
  wellKnown?: string;
  dyn?: unknown;
  null?: unknown;
  listType?: { elemType?: TypeJson };
  mapType?: { keyType?: TypeJson; valueType?: TypeJson };
  type?: TypeJson;
  abstractType?: { name: string; parameterTypes?: TypeJson[] };
}
interface ValueJson {
  [kind: string]: unknown;
}
interface Original {
  name: string;
  expr: string;
  value?: ValueJson;
  typedResult?: { result?: ValueJson; deducedType?: TypeJson };
  evalError?: unknown;
  typeEnv?: { name: string; ident?: { type: TypeJson } }[];
  bindings?: { [name: string]: { value: ValueJson } };
  container?: string;
  checkOnly?: boolean;
  disableCheck?: boolean;
}
interface Suite {
  name: string;
  suites?: Suite[];
  tests?: { original: Original }[];
}

const primitives: { readonly [name: string]: CelType } = { BOOL: bool, INT64: int, UINT64: uint, DOUBLE: double, STRING: string, BYTES: bytes };
function typeFrom(json: TypeJson | undefined): CelType {
  if (json?.primitive) return primitives[json.primitive] ?? dyn;
  if (json?.wellKnown) return json.wellKnown === 'TIMESTAMP' ? timestamp : json.wellKnown === 'DURATION' ? duration : dyn;
  if (json?.listType) return listOf(typeFrom(json.listType.elemType));
  if (json?.mapType) return mapOf(typeFrom(json.mapType.keyType), typeFrom(json.mapType.valueType));
  if (json?.abstractType?.name === 'optional_type') return optionalOf(typeFrom(json.abstractType.parameterTypes?.[0]));
  if (json && 'null' in json) return nullType;
  return json?.type ? typeOf() : dyn;
}
function valueFrom(json: ValueJson): Value {
  const [kind, value] = Object.entries(json)[0] ?? [];
  switch (kind) {
    case 'int64Value':
      return BigInt(value as string);
    case 'uint64Value':
      return new Uint(BigInt(value as string));
    case 'doubleValue':
      return Number(value);
    case 'bytesValue':
      return new Uint8Array(Buffer.from(value as string, 'base64'));
    case 'nullValue':
      return null;
    case 'typeValue':
      return new TypeValue(value as string);
    case 'listValue':
      return new List(((value as { values?: ValueJson[] }).values ?? []).map(valueFrom));
    case 'mapValue':
      return LiteralMap.of(
        ((value as { entries?: { key: ValueJson; value: ValueJson }[] }).entries ?? []).map((e) => [valueFrom(e.key), valueFrom(e.value)] as const),
      );
    case 'objectValue': {
      const object = value as { '@type': string; value: string };
      const { value: parsed } = compileCel(`${object['@type'].endsWith('Duration') ? 'duration' : 'timestamp'}(${JSON.stringify(object.value)})`, {
        variables: {},
      }).evaluate({});
      return parsed;
    }
    default:
      return value as Value;
  }
}

function run(original: Original): Value {
  const variables: { [name: string]: CelType } = {};
  for (const { name, ident } of original.typeEnv ?? []) variables[name] = typeFrom(ident?.type);
  const values: { [name: string]: Value } = {};
  for (const [name, binding] of Object.entries(original.bindings ?? {})) {
    variables[name] ??= dyn;
    values[name] = valueFrom(binding.value);
  }
  return compileCel(original.expr, { variables, heterogeneous: true }).evaluate(values).value;
}

function check(original: Original): void {
  if (original.evalError !== undefined) {
    assert.throws(() => run(original));
    return;
  }
  const value = run(original);
  const json = original.value ?? original.typedResult?.result;
  const expected = json === undefined ? true : valueFrom(json);
  const nan = typeof expected === 'number' && Number.isNaN(expected) && typeof value === 'number' && Number.isNaN(value);
  assert.ok(
    nan || (celEquals(value, expected) && typeNameOf(value) === typeNameOf(expected)),
    `${JSON.stringify(toJson(value))} (${typeNameOf(value)}), not ${JSON.stringify(toJson(expected))}`,
  );
}

function walk(suite: Suite): void {
  for (const { original } of suite.tests ?? []) {
    const reason = reasonOf(original);
    if (reason === undefined && !original.checkOnly) test(original.name, () => check(original));
  }
  for (const inner of suite.suites ?? []) describe(inner.name, () => walk(inner));
}

describe('CEL conformance', () => {
  for (const suite of (conformance as unknown as Suite).suites ?? []) if (suitesLeftOut[suite.name] === undefined) describe(suite.name, () => walk(suite));
});

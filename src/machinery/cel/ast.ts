import type { CelType } from './types.ts';
import type { Value } from './values.ts';

interface At {
  /** Offset in the source, in UTF-16 units, where messages about the node point. */
  readonly at: number;
}
export interface Const extends At {
  readonly kind: 'const';
  readonly value: Value;
  readonly type: CelType;
}
export interface Ident extends At {
  readonly kind: 'ident';
  readonly name: string;
}
export interface Select extends At {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** has(a.b) */
  readonly test: boolean;
}
export interface Call extends At {
  readonly kind: 'call';
  readonly fn: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}
export interface ListExpr extends At {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  /** Indexes of the elements with a question mark. */
  readonly optional: readonly number[];
}
export interface Entry extends At {
  readonly key: Expr;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface MapExpr extends At {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}
export interface StructField extends At {
  readonly name: string;
  readonly value: Expr;
  readonly optional: boolean;
}
export interface Struct extends At {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly StructField[];
}
export type FoldMacro = 'all' | 'exists' | 'existsOne' | 'map' | 'filter' | 'transformMap' | 'transformMapEntry';
/** A macro that visits every element; kept as one node instead of being spelled out. */
export interface Fold extends At {
  readonly kind: 'fold';
  readonly macro: FoldMacro;
  readonly range: Expr;
  readonly vars: readonly [string] | readonly [string, string];
  /** Elements for which it does not hold are left out. */
  readonly filter: Expr | undefined;
  readonly body: Expr;
}
/** cel.bind(name, init, body) */
export interface Bind extends At {
  readonly kind: 'bind';
  readonly name: string;
  readonly init: Expr;
  readonly body: Expr;
}
/** target.optMap(name, body) and optFlatMap */
export interface OptMap extends At {
  readonly kind: 'optMap';
  readonly flat: boolean;
  readonly target: Expr;
  readonly name: string;
  readonly body: Expr;
}
export type Expr = Const | Ident | Select | Call | ListExpr | MapExpr | Struct | Fold | Bind | OptMap;

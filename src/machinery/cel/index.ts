export { compileCel, perCallLimit, perObjectBudget, WrongResultType, type CelOptions, type CelProgram, type CelResult } from './compile.ts';
export type { StructTypes } from './checker.ts';
export type { Budget } from './frame.ts';
export type { Cost } from './estimate.ts';
export { CelCompileError, CelCostError, CelError } from './errors.ts';
export { toJson as celToJson, fromJson as celFromJson } from './json.ts';
export * as celTypes from './types.ts';
export type { CelType } from './types.ts';
export { CelMap, LazyFields, List as CelList, LiteralMap, Optional as CelOptional, type Value as CelValue } from './values.ts';
export {
  authorizerValue as celAuthorizer,
  requestResourceValue as celRequestResource,
  type AuthorizationAnswer,
  type AuthorizationQuestion,
  type AuthorizerCheck,
} from './library/authorizer.ts';
export { quantity as celQuantity } from './library/quantities.ts';
export { semver as celSemver } from './library/semvers.ts';

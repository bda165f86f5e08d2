/**
 * machinery: what a Kubernetes API kind *is*: descriptors, schemas, decoding, validation, selectors,
 * patches, server-side apply, tables, OpenAPI. Knows no kind by name, no HTTP server and no store.
 */
export * from './api.ts';
export * from './errors.ts';
export { copyJson, equalFields, equalJson } from './equal.ts';
export * as fieldErrors from './field-errors.ts';
export { goText } from './go-text.ts';
export * from './kind.ts';
export * from './object.ts';
export type { JsonSchema, Shape } from './shape.ts';
export * from './streams.ts';
export * from './schema/index.ts';
export {
  labelRequirements,
  parseLabelSelector,
  labelSelectorMatcher,
  sharedSelectorMatcher,
  formatLabelSelector,
  type LabelMatcher,
  type Labels,
} from './selectors.ts';
export { parseFieldSelector, fieldSelectorValue, splitFieldSelector, type FieldMatcher } from './selectors-fields.ts';
export { compileRegex, type Regex } from './regex.ts';
export { jsonPatch } from './patch/json-patch.ts';
export { mergePatch } from './patch/merge-patch.ts';
export { strategicMergePatch } from './patch/strategic.ts';
export { applyPatch, type ApplyOptions } from './apply/apply.ts';
export { overlayConfiguration } from './apply/overlay.ts';
export type { ObjectVersions } from './apply/versions.ts';
export { trackUpdate, userAgentManager, type TrackOptions } from './apply/track.ts';
export { noSchema, schemaView, type FieldView, type PatchSchema } from './schema-view.ts';
export { checkAnnotations, validateLabels, validateMetadata } from './metadata.ts';
export * from './names.ts';
export { age, columnDefinitions, humanDuration, renderTable, type Table, type TableOptions } from './table.ts';
export * from './discovery.ts';
export type { ComputedGroup, ComputedRequest } from './computed.ts';
export * from './openapi/index.ts';
export * from './protobuf/index.ts';
export * from './structural/index.ts';
export * from './cel/index.ts';
export * from './admission-cel.ts';
export { celTypeOfKind } from './cel-kind.ts';

/**
 * aws: the AWS APIs. A gateway that proves who signed a call and asks the policies whether he may, protocols driven by
 * the contracts in src/aws/generated, and the services. Knows client, kinds, machinery and base; services meet the rest
 * of the program as objects.
 */
export { openAws, type Aws, type AwsOptions } from './open.ts';
export { createSealer, type Sealer } from './services/ecr/tokens.ts';
export type { EcrDeps } from './services/ecr/ecr.ts';
export type { EcrDoor } from './services/ecr/open.ts';
export { EventBus, type AwsEvent, type NewEvent } from './events/bus.ts';
export type { ScanEnd } from './services/ecr/scans.ts';
export type { ServiceCoverage } from './coverage.ts';
export type { AuditRecord } from './gateway/audit.ts';
export { readClaim, type Claim } from './sigv4/claim.ts';
export { SignatureError, type SignatureProblem, type WireRequest } from './sigv4/request.ts';
export { checkBody, verify, type Payload, type VerifyOptions } from './sigv4/verify.ts';
export { parsePolicy, PolicyError, type Policy, type PolicyUse } from './iam/policy/document.ts';
export { evaluate, type Decision, type EvaluationRequest, type NamedPolicy, type Principal } from './iam/policy/evaluate.ts';

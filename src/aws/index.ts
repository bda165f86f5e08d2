/**
 * aws: the AWS APIs. So far what every call needs first: who signed it, and what he may do. Knows client, kinds,
 * machinery and base; services meet the rest of the program as objects.
 */
export { readClaim, type Claim } from './sigv4/claim.ts';
export { SignatureError, type SignatureProblem, type WireRequest } from './sigv4/request.ts';
export { checkBody, verify, type Payload, type VerifyOptions } from './sigv4/verify.ts';
export { parsePolicy, PolicyError, type Policy, type PolicyUse } from './iam/policy/document.ts';
export { evaluate, type Decision, type EvaluationRequest, type NamedPolicy, type Principal } from './iam/policy/evaluate.ts';

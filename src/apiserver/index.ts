/**
 * apiserver: the Kubernetes API over a store: verbs, watches, admission, authentication, HTTP. It is handed the
 * kinds and their schemas; only the files of admission/ and subresources/ compare a kind's group and plural.
 * Knows nothing of clients, controllers, nodes or what any kind means.
 */
export { createApiServer, type ApiServer, type ApiServerOptions } from './server.ts';
export type { InProcessOptions } from './registry/in-process.ts';
export type {
  AdmissionPlugin,
  AdmissionRequest,
  Attributes,
  Authenticator,
  Authorizer,
  Credentials,
  Operation,
  DeletionRule,
  Filter,
  ObjectReader,
  RequestContext,
  StreamHandler,
  StreamRequest,
  SubresourceHandler,
  SubresourceRequest,
  VirtualResource,
  Writer,
} from './types.ts';
export { Audit, type AuditOptions } from './audit/audit.ts';
export { readPolicy as readAuditPolicy, type Policy as AuditPolicy } from './audit/policy.ts';
export { fileSink, standardOutput, type Sink as AuditSink } from './audit/sink.ts';
export { Fairness, type FairnessOptions } from './fairness/fairness.ts';
export type { HealthCheck } from './http/health.ts';
export type { Descriptions, VersionInfo } from './http/documents.ts';
export { standardAuthorizer } from './auth/standard-authorizer.ts';
export { bootstrapPolicy } from './auth/rbac/bootstrap/bootstrap.ts';
export { reconciledBinding, reconciledRole } from './auth/rbac/reconcile.ts';
export type { Binding, Role } from './auth/rbac/types.ts';
export { certificateAuthenticator } from './auth/certificates.ts';
export { defaultAlgorithms, type ClaimMapping, type OidcIssuer, type TokenRule } from './auth/oidc/types.ts';
export { tokenExpression, type TokenExpression } from './auth/oidc/expressions.ts';
export { signatureAlgorithms } from './pki/jws.ts';
export { parseTokenFile, type StaticToken } from './auth/tokens/static.ts';
export { openPki, proxyName, type Pki } from './pki/pki.ts';
export { proxyHeaders } from './auth/request-header.ts';
export { parseCertificateRequest, type CertificateRequest } from './pki/csr.ts';
export { issueCa, issueClient, issueRequested, issueServer, verifyClient, type Issued, type Subject } from './pki/x509.ts';
export { TokenSigner, type Claims } from './pki/jwt.ts';
export { defaultTolerations } from './admission/default-tolerations.ts';
export { namespaceDeletion, namespaceLifecycle } from './admission/namespace-lifecycle.ts';
export { serviceAccount } from './admission/service-account.ts';
export { claimResize, storageProtection } from './admission/storage.ts';
export { serviceAllocation, type ServiceAllocationOptions } from './admission/service-allocation.ts';
export { podBinding } from './subresources/binding.ts';
export { podEviction } from './subresources/eviction.ts';
export { namespaceFinalize } from './subresources/finalize.ts';
export { podStreams } from './subresources/pod-streams.ts';
export { reviews } from './subresources/reviews.ts';
export { scale } from './subresources/scale.ts';
export { serviceAccountToken } from './subresources/token.ts';
export { standardParts, type StandardOptions, type StandardParts } from './standard.ts';

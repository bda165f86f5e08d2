import type { Clock, Random } from '#base';
import type { UserInfo } from '#machinery';
import { defaultIngressClass, defaultStorageClass } from './admission/default-classes.ts';
import { defaultTolerations } from './admission/default-tolerations.ts';
import { limitRanger } from './admission/limit-ranger.ts';
import { namespaceDeletion, namespaceLifecycle } from './admission/namespace-lifecycle.ts';
import { podTopologyLabels, taintNewNodes } from './admission/nodes.ts';
import { priority, priorityClassDeletion } from './admission/priority.ts';
import { runtimeClass } from './admission/runtime-class.ts';
import { serviceAccount } from './admission/service-account.ts';
import { serviceAllocation } from './admission/service-allocation.ts';
import { claimResize, storageProtection } from './admission/storage.ts';
import { certificateAuthenticator, serviceAccountAuthenticator, tokenAuthenticator } from './auth/authenticators.ts';
import { basicAuthorizer } from './auth/authorizer.ts';
import { TokenSigner } from './pki/jwt.ts';
import { podBinding } from './subresources/binding.ts';
import { podEviction } from './subresources/eviction.ts';
import { namespaceFinalize } from './subresources/finalize.ts';
import { podStreams } from './subresources/pod-streams.ts';
import { proxies } from './subresources/proxy.ts';
import { reviews } from './subresources/reviews.ts';
import { scale } from './subresources/scale.ts';
import { serviceAccountToken } from './subresources/token.ts';
import type { AdmissionPlugin, Authenticator, Authorizer, DeletionRule, StreamHandler, SubresourceHandler, VirtualResource } from './types.ts';

export interface StandardOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Cluster IPs of Services, for example 10.96.0.0/16. */
  readonly serviceCidr: string;
  /** PEM of the CA of client certificates. */
  readonly clientCa: string;
  /** PEM of the key that signs service-account tokens. */
  readonly tokenKey: string;
  /** `iss` of the tokens; their default audience too. */
  readonly issuer?: string;
  readonly tokens?: readonly { token: string; user: UserInfo }[];
  readonly authorizer?: Authorizer;
}
/** Options of `createApiServer`, to be spread into them. */
export interface StandardParts {
  readonly admission: readonly AdmissionPlugin[];
  readonly deletion: readonly DeletionRule[];
  readonly subresources: readonly SubresourceHandler[];
  readonly streams: readonly StreamHandler[];
  readonly virtual: readonly VirtualResource[];
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly signer: TokenSigner;
}

/** Everything that a Kubernetes cluster expects of its API server beyond the verbs. */
export function standardParts(options: StandardOptions): StandardParts {
  const { clock, random, issuer = 'https://kubernetes.default.svc.cluster.local', authorizer = basicAuthorizer } = options;
  const signer = new TokenSigner(options.tokenKey, issuer);
  const audiences = [issuer];
  const accounts = serviceAccountAuthenticator(signer, audiences, clock);
  return {
    // In the order of kube-apiserver: what comes later sees what came before, and webhooks, policies and quota see all of it.
    admission: [
      namespaceLifecycle(),
      limitRanger(),
      serviceAccount(random),
      taintNewNodes(),
      priority(),
      defaultTolerations(),
      defaultStorageClass(),
      storageProtection(),
      claimResize(),
      runtimeClass(),
      defaultIngressClass(),
      podTopologyLabels(),
      serviceAllocation({ cidr: options.serviceCidr, random }),
    ],
    deletion: [namespaceDeletion(), priorityClassDeletion()],
    subresources: [scale(), podBinding(), podEviction(), namespaceFinalize(), serviceAccountToken({ signer, audiences, clock, random })],
    streams: [...podStreams(), ...proxies()],
    virtual: reviews(authorizer, (token, wanted) => accounts.review(token, wanted)),
    authenticators: [certificateAuthenticator(options.clientCa, clock), tokenAuthenticator(options.tokens ?? []), accounts],
    authorizer,
    signer,
  };
}

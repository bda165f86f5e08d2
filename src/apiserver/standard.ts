import { defaultIngressClass, defaultStorageClass } from './admission/default-classes.ts';
import { defaultTolerations } from './admission/default-tolerations.ts';
import { deviceAdminAccess } from './admission/device-admin.ts';
import { limitRanger } from './admission/limit-ranger.ts';
import { namespaceDeletion, namespaceLifecycle } from './admission/namespace-lifecycle.ts';
import { PolicyStatus } from './admission/policies/policy-status.ts';
import { nodeRestriction } from './admission/node-restriction.ts';
import { podTopologyLabels, taintNewNodes } from './admission/nodes.ts';
import { podSecurity } from './admission/pod-security/pod-security.ts';
import { priority, priorityClassDeletion } from './admission/priority.ts';
import { resourceQuota } from './admission/quota/resource-quota.ts';
import { runtimeClass } from './admission/runtime-class.ts';
import { serviceAccount } from './admission/service-account.ts';
import { serviceAllocation } from './admission/service-allocation.ts';
import { claimResize, storageProtection } from './admission/storage.ts';
import { CustomResources, definitionDeletion } from './extensions/custom-resources.ts';
import { Outbound } from './outbound/outbound.ts';
import type { Metrics } from '#base';
import type { TokenSigner } from './pki/jwt.ts';
import { extensionAdmission } from './standard-extension.ts';
import { authParts, type AuthOptions } from './standard-auth.ts';
import { podBinding } from './subresources/binding.ts';
import { podEviction } from './subresources/eviction.ts';
import { namespaceFinalize } from './subresources/finalize.ts';
import { podStreams } from './subresources/pod-streams.ts';
import { proxies } from './subresources/proxy.ts';
import { scale } from './subresources/scale.ts';
import type { AdmissionPlugin, Authenticator, Authorizer, DeletionRule, Extension, StreamHandler, SubresourceHandler, VirtualResource } from './types.ts';

export interface StandardOptions extends AuthOptions {
  /** Cluster IPs of Services, for example 10.96.0.0/16. */
  readonly serviceCidr: string;
  /** Where webhooks are counted. */
  readonly metrics?: Metrics;
}
/** Options of `createApiServer`, to be spread into them. */
export interface StandardParts {
  readonly admission: readonly AdmissionPlugin[];
  readonly deletion: readonly DeletionRule[];
  readonly extensions: readonly Extension[];
  readonly subresources: readonly SubresourceHandler[];
  readonly streams: readonly StreamHandler[];
  readonly virtual: readonly VirtualResource[];
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly signer: TokenSigner;
}

/** Everything that a Kubernetes cluster expects of its API server beyond the verbs. */
export function standardParts(options: StandardOptions): StandardParts {
  const { random } = options;
  const auth = authParts(options);
  return {
    // In the order of kube-apiserver: what comes later sees what came before, and webhooks, policies and quota see all of it.
    admission: [
      namespaceLifecycle(),
      nodeRestriction(),
      limitRanger(),
      serviceAccount(random),
      taintNewNodes(),
      deviceAdminAccess(),
      podSecurity(),
      priority(),
      defaultTolerations(),
      defaultStorageClass(),
      storageProtection(),
      claimResize(),
      runtimeClass(),
      defaultIngressClass(),
      podTopologyLabels(),
      ...auth.admission,
      ...extensionAdmission({ ...options, authorizer: auth.authorizer }),
      // Where kube-apiserver has it: addresses are given to what all others made of the Service.
      serviceAllocation({ cidr: options.serviceCidr, random }),
      resourceQuota(),
    ],
    deletion: [namespaceDeletion(), priorityClassDeletion(), definitionDeletion(options.clock)],
    extensions: [new PolicyStatus(), new CustomResources(new Outbound(options.clock), options.metrics)],
    subresources: [scale(), podBinding(), podEviction(), namespaceFinalize(), ...auth.subresources],
    streams: [...podStreams(), ...proxies()],
    virtual: auth.virtual,
    authenticators: auth.authenticators,
    authorizer: auth.authorizer,
    signer: auth.signer,
  };
}

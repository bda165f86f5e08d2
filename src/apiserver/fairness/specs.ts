import type { KubeObject } from '#machinery';

/** What is read of flowcontrol.apiserver.k8s.io/v1 objects. */
export interface FlowSchema extends KubeObject {
  spec?: {
    matchingPrecedence?: number;
    priorityLevelConfiguration?: { name?: string };
    distinguisherMethod?: { type?: string };
    rules?: PolicyRules[];
  };
}
export interface PolicyRules {
  subjects?: Subject[];
  resourceRules?: ResourceRule[];
  nonResourceRules?: NonResourceRule[];
}
export interface Subject {
  kind?: string;
  user?: { name?: string };
  group?: { name?: string };
  serviceAccount?: { namespace?: string; name?: string };
}
export interface ResourceRule {
  verbs?: string[];
  apiGroups?: string[];
  resources?: string[];
  clusterScope?: boolean;
  namespaces?: string[];
}
export interface NonResourceRule {
  verbs?: string[];
  nonResourceURLs?: string[];
}
export interface PriorityLevelConfiguration extends KubeObject {
  spec?: {
    type?: string;
    exempt?: { nominalConcurrencyShares?: number; lendablePercent?: number };
    limited?: {
      nominalConcurrencyShares?: number;
      lendablePercent?: number;
      borrowingLimitPercent?: number;
      limitResponse?: { type?: string; queuing?: { queues?: number; handSize?: number; queueLengthLimit?: number } };
    };
  };
}

export const flowControlGroup = 'flowcontrol.apiserver.k8s.io';

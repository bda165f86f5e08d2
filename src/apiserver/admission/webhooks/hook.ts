import type { KubeObject } from '#machinery';
import type { ClientConfig } from '../../outbound/target.ts';
import { Constraints, type MatchResources } from '../matching/constraints.ts';
import { Conditions, type MatchCondition } from '../matching/conditions.ts';
import type { Rule } from '../matching/rules.ts';

/** admissionregistration.k8s.io/v1 ValidatingWebhook and MutatingWebhook. */
export interface Webhook extends Omit<MatchResources, 'resourceRules' | 'excludeResourceRules'> {
  readonly name: string;
  readonly clientConfig?: ClientConfig;
  readonly rules?: readonly Rule[];
  readonly failurePolicy?: string;
  readonly sideEffects?: string;
  readonly timeoutSeconds?: number;
  readonly admissionReviewVersions?: readonly string[];
  readonly matchConditions?: readonly MatchCondition[];
  readonly reinvocationPolicy?: string;
}
export interface WebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly Webhook[];
}

/** A webhook of a configuration, ready to be matched. */
export interface Hook {
  /** Unique among all, the same as long as the configuration stays: `configuration/name/index`. */
  readonly id: string;
  readonly configuration: string;
  readonly webhook: Webhook;
  readonly constraints: Constraints;
  readonly conditions: Conditions;
}

/** All webhooks of all configurations, in the order in which they are called: configurations by name, then as listed. */
export function hooksOf(configurations: Iterable<WebhookConfiguration>): Hook[] {
  const name = (configuration: WebhookConfiguration): string => configuration.metadata?.name ?? '';
  const sorted = [...configurations].sort((a, b) => (name(a) < name(b) ? -1 : 1));
  return sorted.flatMap((configuration) => (configuration.webhooks ?? []).map((webhook, i) => hookOf(name(configuration), webhook, i)));
}
function hookOf(configuration: string, webhook: Webhook, i: number): Hook {
  const { rules = [], namespaceSelector = {}, objectSelector = {}, matchPolicy = 'Equivalent' } = webhook;
  const constraints = new Constraints({ resourceRules: rules, namespaceSelector, objectSelector, matchPolicy });
  return {
    id: `${configuration}/${webhook.name}/${i}`,
    configuration,
    webhook,
    constraints,
    conditions: new Conditions(webhook.matchConditions, { namespaceObject: false }),
  };
}

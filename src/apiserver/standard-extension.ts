import type { Clock, Metrics, Random } from '#base';
import { mutatingPolicies } from './admission/policies/mutating.ts';
import { validatingPolicies } from './admission/policies/validating.ts';
import { mutatingWebhooks } from './admission/webhooks/mutating.ts';
import { validatingWebhooks } from './admission/webhooks/validating.ts';
import { policyMetrics } from './metrics/policies.ts';
import { webhookMetrics } from './metrics/webhooks.ts';
import { webhookCaller } from './outbound/call-webhook.ts';
import { Outbound } from './outbound/outbound.ts';
import type { AdmissionPlugin, Authorizer, ObjectReader } from './types.ts';

export interface ExtensionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What expressions ask by `authorizer`. */
  readonly authorizer: Authorizer;
  readonly metrics?: Metrics;
}

/** Admission that users bring along, in the order of kube-apiserver. */
export function extensionAdmission({ clock, random, authorizer, metrics }: ExtensionOptions): readonly AdmissionPlugin[] {
  const outbound = new Outbound(clock);
  const options = {
    random,
    authorizer,
    caller: (reader: ObjectReader) => webhookCaller(outbound, reader, random),
    ...(metrics ? { called: webhookMetrics(metrics), checked: policyMetrics(metrics) } : {}),
  };
  return [mutatingPolicies(options), mutatingWebhooks(options), validatingPolicies(options), validatingWebhooks(options)];
}

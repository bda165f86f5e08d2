import type { Clock, Random } from '#base';
import { mutatingPolicies } from './admission/policies/mutating.ts';
import { validatingPolicies } from './admission/policies/validating.ts';
import { mutatingWebhooks } from './admission/webhooks/mutating.ts';
import { validatingWebhooks } from './admission/webhooks/validating.ts';
import { webhookCaller } from './outbound/call-webhook.ts';
import { Outbound } from './outbound/outbound.ts';
import type { AdmissionPlugin, Authorizer, ObjectReader } from './types.ts';

export interface ExtensionOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** What expressions ask by `authorizer`. */
  readonly authorizer: Authorizer;
}

/** Admission that users bring along, in the order of kube-apiserver. */
export function extensionAdmission({ clock, random, authorizer }: ExtensionOptions): readonly AdmissionPlugin[] {
  const outbound = new Outbound(clock);
  const options = { random, authorizer, caller: (reader: ObjectReader) => webhookCaller(outbound, reader, random) };
  return [mutatingPolicies(options), mutatingWebhooks(options), validatingPolicies(options), validatingWebhooks(options)];
}

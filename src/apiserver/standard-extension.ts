import type { Clock, Random } from '#base';
import { mutatingWebhooks } from './admission/webhooks/mutating.ts';
import { validatingWebhooks } from './admission/webhooks/validating.ts';
import { webhookCaller } from './outbound/call-webhook.ts';
import { Outbound } from './outbound/outbound.ts';
import type { AdmissionPlugin, ObjectReader } from './types.ts';

export interface ExtensionOptions {
  readonly clock: Clock;
  readonly random: Random;
}

/** Admission that users bring along, in the order of kube-apiserver. */
export function extensionAdmission({ clock, random }: ExtensionOptions): readonly AdmissionPlugin[] {
  const outbound = new Outbound(clock);
  const options = { random, caller: (reader: ObjectReader) => webhookCaller(outbound, reader, random) };
  return [mutatingWebhooks(options), validatingWebhooks(options)];
}

import type { Random } from '#base';
import type { ObjectReader } from '../types.ts';
import { CallFailure, type Outbound } from './outbound.ts';
import { targetOf, Unreachable, type ClientConfig, type Target } from './target.ts';

export interface WebhookCall {
  readonly config: ClientConfig;
  /** An AdmissionReview, a ConversionReview. */
  readonly review: object;
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
}
/** Posts a review to a webhook and gives what it answers. Throws CallFailure with the whole text of the failure. */
export type CallWebhook = (call: WebhookCall) => Promise<unknown>;

/** A caller of webhooks that finds Services through `reader`. */
export function webhookCaller(outbound: Outbound, reader: ObjectReader, random: Random): CallWebhook {
  return ({ config, review, timeoutSeconds, signal }) => {
    let target: Target;
    try {
      target = targetOf(config, reader, random);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return Promise.reject(new CallFailure(`could not get REST client: ${error.message}`));
    }
    const path = `${target.path}${target.path.includes('?') ? '&' : '?'}timeout=${timeoutSeconds}s`;
    return outbound.post(target, review, { path, timeoutMs: timeoutSeconds * 1000, signal });
  };
}

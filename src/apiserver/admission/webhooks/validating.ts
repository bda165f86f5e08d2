import type { AdmissionPlugin } from '../../types.ts';
import { Hooks, type WebhookOptions } from './hooks.ts';
import { ask } from './dispatch.ts';

/** Asks every webhook of every ValidatingWebhookConfiguration that a request matches, all at once. */
export function validatingWebhooks(options: WebhookOptions): AdmissionPlugin {
  const hooks = new Hooks('validatingwebhookconfigurations', options);
  return {
    ...hooks.plugin('ValidatingAdmissionWebhook'),
    validate(request) {
      const candidates = hooks.candidates(request);
      if (candidates.length === 0) return;
      return hooks.select(candidates, request).then(async (chosen) => {
        const outcomes = await Promise.allSettled(chosen.map(({ hook, shown }) => ask(hooks.dispatch, hook, request, shown, false)));
        const refusal = outcomes.find((outcome) => outcome.status === 'rejected');
        if (refusal) throw refusal.reason;
      });
    },
  };
}

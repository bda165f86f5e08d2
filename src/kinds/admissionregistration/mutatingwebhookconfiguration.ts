import { defineKind, type Kind } from '#machinery';
import type { V1MutatingWebhookConfiguration } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { admissionGroup, validateEnum } from './rules.ts';
import { defaultWebhook, validateWebhooks } from './webhooks.ts';

export const MutatingWebhookConfiguration: Kind<V1MutatingWebhookConfiguration> = defineKind<V1MutatingWebhookConfiguration>({
  group: admissionGroup,
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1MutatingWebhookConfiguration',
  unconditionalUpdate: false,
  generation: true,
  columns: [
    nameColumn,
    column('Webhooks', 'integer', 'Webhooks indicates the number of webhooks registered in this configuration', ({ webhooks }) => webhooks?.length ?? 0),
    ageColumn,
  ],
  defaults(configuration) {
    for (const webhook of configuration.webhooks ?? []) {
      defaultWebhook(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: ({ webhooks }) => [
    ...validateWebhooks(webhooks),
    ...(webhooks ?? []).flatMap((webhook, i) => validateEnum(`webhooks[${i}].reinvocationPolicy`, webhook.reinvocationPolicy, ['IfNeeded', 'Never'])),
  ],
});

import { defineKind, type Kind } from '#machinery';
import type { V1ValidatingWebhookConfiguration } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { admissionGroup } from './rules.ts';
import { defaultWebhook, validateWebhooks } from './webhooks.ts';

export const ValidatingWebhookConfiguration: Kind<V1ValidatingWebhookConfiguration> = defineKind<V1ValidatingWebhookConfiguration>({
  group: admissionGroup,
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  namespaced: false,
  schema: 'V1ValidatingWebhookConfiguration',
  unconditionalUpdate: false,
  generation: true,
  columns: [
    nameColumn,
    column('Webhooks', 'integer', 'Webhooks indicates the number of webhooks registered in this configuration', ({ webhooks }) => webhooks?.length ?? 0),
    ageColumn,
  ],
  defaults: (configuration) => configuration.webhooks?.forEach(defaultWebhook),
  validate: ({ webhooks }) => validateWebhooks(webhooks),
});

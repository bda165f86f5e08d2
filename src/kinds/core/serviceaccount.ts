import { defineKind, type Kind } from '#machinery';
import type { V1ServiceAccount } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';

const mountable = 'kubernetes.io/enforce-mountable-secrets';

export const ServiceAccount: Kind<V1ServiceAccount> = defineKind<V1ServiceAccount>({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  namespaced: true,
  schema: 'V1ServiceAccount',
  subresources: [{ name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] }],
  columns: [
    nameColumn,
    column(
      'Secrets',
      'string',
      'Secrets is a list of the secrets that pods running using this ServiceAccount are allowed to use.',
      (account) => account.secrets?.length ?? 0,
    ),
    ageColumn,
  ],
  warnings: ({ metadata }) =>
    metadata?.annotations?.[mountable] === undefined
      ? []
      : [`metadata.annotations[${mountable}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`],
});

import { defineKind, type Kind } from '#machinery';
import type { V1ComponentStatus } from '../generated/types.ts';
import { column, nameColumn } from '../support/columns.ts';

const health = (status: V1ComponentStatus): { status: string; message: string; error: string } => {
  const condition = status.conditions?.find((c) => c.type === 'Healthy');
  const text = condition === undefined ? 'Unknown' : condition.status === 'True' ? 'Healthy' : 'Unhealthy';
  return { status: text, message: condition?.message ?? '', error: condition?.error ?? '' };
};

/** Deprecated since 1.19, still listed: read-only. What there is to read is the API server's business. */
export const ComponentStatus: Kind<V1ComponentStatus> = defineKind<V1ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  namespaced: false,
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  schema: 'V1ComponentStatus',
  verbs: ['get', 'list'],
  columns: [
    nameColumn,
    column('Status', 'string', 'Status of the component conditions', (status) => health(status).status),
    column('Message', 'string', 'Message of the component conditions', (status) => health(status).message),
    column('Error', 'string', 'Error of the component conditions', (status) => health(status).error),
  ],
});

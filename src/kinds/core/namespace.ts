import { defineKind, type Kind } from '#machinery';
import type { V1Namespace } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { immutable, invalidValue } from '../support/errors.ts';

const nameLabel = 'kubernetes.io/metadata.name';
/** Every cluster has them. */
export const initialNamespaces: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

export const Namespace: Kind<V1Namespace> = defineKind<V1Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  schema: 'V1Namespace',
  // As in Kubernetes, namespaces are never deleted by collection.
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  status: true,
  generation: false,
  subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
  nameRule: 'dns-label',
  columns: [nameColumn, column('Status', 'string', 'The status of the namespace', (namespace) => namespace.status?.phase ?? ''), ageColumn],
  selectableFields: { 'status.phase': (namespace) => namespace.status?.phase ?? '' },
  defaults(namespace) {
    if (namespace.metadata?.name) (namespace.metadata.labels ??= {})[nameLabel] = namespace.metadata.name;
  },
  prepareCreate(namespace) {
    namespace.status = { phase: 'Active' };
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec = { ...namespace.spec, finalizers: finalizers.includes('kubernetes') ? finalizers : [...finalizers, 'kubernetes'] };
  },
  prepareUpdate(namespace, old) {
    // Only the finalize subresource may change the finalizers of the spec.
    if (old.spec) namespace.spec = old.spec;
  },
  validate(namespace, old) {
    const name = namespace.metadata?.labels?.[nameLabel];
    return old && name !== namespace.metadata?.name ? [immutable(`metadata.labels[${nameLabel}]`, name)] : [];
  },
  validateStatus({ metadata, status }) {
    const [wanted, text] = metadata?.deletionTimestamp
      ? ['Terminating', "may only be 'Terminating' if `deletionTimestamp` is not empty"]
      : ['Active', "may only be 'Active' if `deletionTimestamp` is empty"];
    return status?.phase === wanted ? [] : [invalidValue('status.Phase', status?.phase ?? '', text)];
  },
});

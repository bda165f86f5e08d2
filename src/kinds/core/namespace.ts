import { defineKind, type FieldError, type Kind } from '#machinery';
import type { V1Namespace } from '../generated/types.ts';
import { ageColumn, column, nameColumn } from '../support/columns.ts';
import { immutable, invalidValue } from '../support/errors.ts';
import { checked, qualifiedName } from '../support/names.ts';

const nameLabel = 'kubernetes.io/metadata.name';
/** Every cluster has them. */
export const initialNamespaces: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

const standardFinalizers = ['kubernetes', 'orphan', 'foregroundDeletion'];
function validateFinalizer(field: string, name: string): FieldError[] {
  const errors = checked(field, name, qualifiedName);
  if (errors.length > 0 || name.includes('/') || standardFinalizers.includes(name)) return errors;
  return [invalidValue(field, name, 'name is neither a standard finalizer name nor is it fully qualified')];
}

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
    if (!old) return (namespace.spec?.finalizers ?? []).flatMap((name) => validateFinalizer('spec.finalizers', name));
    const name = namespace.metadata?.labels?.[nameLabel];
    return name !== namespace.metadata?.name ? [immutable(`metadata.labels[${nameLabel}]`, name)] : [];
  },
  validateStatus({ metadata, status }) {
    const [wanted, text] = metadata?.deletionTimestamp
      ? ['Terminating', "may only be 'Terminating' if `deletionTimestamp` is not empty"]
      : ['Active', "may only be 'Active' if `deletionTimestamp` is empty"];
    return status?.phase === wanted ? [] : [invalidValue('status.Phase', status?.phase ?? '', text)];
  },
});

import { ApiError, notFound, type KubeObject } from '#machinery';
import type { AdmissionPlugin, DeletionRule, ObjectReader } from '../types.ts';

interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: string };
}
const namespaces = { group: '', plural: 'namespaces', kind: 'Namespace' };
/** Deleting these would take the cluster's own things. */
const immortal = new Set(['default', 'kube-system', 'kube-public']);

/** Objects are made only in namespaces that exist and are not going away (kube's NamespaceLifecycle). */
export function namespaceLifecycle(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'NamespaceLifecycle',
    handles: (kind) => kind.namespaced,
    start: (given) => void (reader = given),
    mutate({ operation, object, namespace, kind }) {
      if (operation !== 'CREATE' || !namespace) return;
      const found: Namespace | undefined = reader.get('', 'namespaces', undefined, namespace);
      if (!found) throw notFound(namespaces, namespace);
      if (!found.metadata?.deletionTimestamp && found.status?.phase !== 'Terminating') return;
      const name = object.metadata?.name ?? object.metadata?.generateName ?? '';
      const qualified = kind.group ? `${kind.plural}.${kind.group}` : kind.plural;
      throw new ApiError(
        'Forbidden',
        `${qualified} ${JSON.stringify(name)} is forbidden: unable to create new content in namespace ${namespace} because it is being terminated`,
        {
          name,
          ...(kind.group ? { group: kind.group } : {}),
          kind: kind.plural,
          causes: [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }],
        },
      );
    },
  };
}

/** A namespace is Terminating until its spec.finalizers are empty: the controller empties it, then says so by /finalize. */
export function namespaceDeletion(): DeletionRule {
  return {
    handles: (kind) => kind.group === '' && kind.plural === 'namespaces',
    check({ metadata }) {
      if (!immortal.has(metadata?.name ?? '')) return;
      throw new ApiError('Forbidden', `namespaces ${JSON.stringify(metadata?.name)} is forbidden: this namespace may not be deleted`, {
        name: metadata?.name ?? '',
        kind: 'namespaces',
      });
    },
    holds: (object) => ((object as Namespace).spec?.finalizers?.length ?? 0) > 0,
    mark(object) {
      const namespace = object as Namespace;
      namespace.status = { ...namespace.status, phase: 'Terminating' };
    },
  };
}

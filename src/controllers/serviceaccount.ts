import { Namespace, ServiceAccount } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, keyFor, type Controller } from './controller.ts';

/** Sees to it that every namespace has a ServiceAccount named `default`. Keys are namespaces. */
export const serviceAccountController: Controller = {
  name: 'serviceaccount',
  component: 'serviceaccount-controller',
  setup(context) {
    const accounts = context.watch(ServiceAccount, (account, old) =>
      account === undefined && old?.metadata?.name === 'default' ? [old.metadata.namespace ?? ''] : [],
    );
    const namespaces = context.watch(Namespace, (namespace, old) => (namespace && !old ? [keyFor(namespace)] : []));

    return async (namespace) => {
      const owner = namespaces.get(undefined, namespace);
      if (!owner || owner.metadata?.deletionTimestamp || accounts.get(namespace, 'default')) return;
      try {
        await context.api.create(ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error;
      }
    };
  },
};

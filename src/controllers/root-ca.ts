import { ConfigMap, Namespace } from '#kinds';
import { isApiError } from '#machinery';
import { isNamespaceTerminating, keyFor, type Controller } from './controller.ts';

const name = 'kube-root-ca.crt';
const description =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

/** Publishes the cluster's CA in every namespace. Keys are namespaces. */
export const rootCaController: Controller = {
  name: 'root-ca',
  component: 'root-ca-cert-publisher',
  setup(context) {
    const bundle = context.options.rootCa;
    const maps = context.watch(ConfigMap, (map, old) => ((map ?? old)?.metadata?.name === name ? [(map ?? old)?.metadata?.namespace ?? ''] : []));
    const namespaces = context.watch(Namespace, (namespace, old) => (namespace && !old ? [keyFor(namespace)] : []));

    return async (namespace) => {
      const owner = namespaces.get(undefined, namespace);
      if (bundle === undefined || !owner || owner.metadata?.deletionTimestamp) return;
      const present = maps.get(namespace, name);
      if (present?.data?.['ca.crt'] === bundle && Object.keys(present.data).length === 1) return;
      const annotations = { ...present?.metadata?.annotations, 'kubernetes.io/description': description };
      const wanted = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...(present?.metadata ?? { name, namespace }), annotations },
        data: { 'ca.crt': bundle },
      };
      try {
        await (present ? context.api.update(ConfigMap, wanted) : context.api.create(ConfigMap, wanted));
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error;
      }
    };
  },
};

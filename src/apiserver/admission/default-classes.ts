import type { KubeObject } from '#machinery';
import type { AdmissionPlugin, ObjectReader } from '../types.ts';

interface Claim extends KubeObject {
  spec?: { storageClassName?: string };
}
interface Ingress extends KubeObject {
  spec?: { ingressClassName?: string };
}
/** The newest of the classes that one of the annotations marks as default; of two of one time, the first by name. */
function defaultClass(classes: readonly KubeObject[], annotations: readonly string[]): string | undefined {
  const age = ({ metadata }: KubeObject): number => Date.parse(metadata?.creationTimestamp ?? '') || 0;
  const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? '';
  const marked = classes.filter(({ metadata }) => annotations.some((key) => metadata?.annotations?.[key] === 'true'));
  const [first] = marked.toSorted((a, b) => age(b) - age(a) || (nameOf(a) < nameOf(b) ? -1 : 1));
  return first && nameOf(first);
}

/** Claims that name no StorageClass get the default one. */
export function defaultStorageClass(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'DefaultStorageClass',
    handles: (kind) => kind.group === '' && kind.plural === 'persistentvolumeclaims',
    operations: ['CREATE'],
    start: (given) => void (reader = given),
    mutate({ object }) {
      const { metadata, spec } = object as Claim;
      // An empty name is a choice too: no dynamic provisioning.
      if (!spec || spec.storageClassName !== undefined || metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
      const found = defaultClass(reader.list('storage.k8s.io', 'storageclasses'), [
        'storageclass.kubernetes.io/is-default-class',
        'storageclass.beta.kubernetes.io/is-default-class',
      ]);
      if (found !== undefined) spec.storageClassName = found;
    },
  };
}

/** Ingresses that name no IngressClass get the default one. */
export function defaultIngressClass(): AdmissionPlugin {
  let reader: ObjectReader;
  return {
    name: 'DefaultIngressClass',
    handles: (kind) => kind.group === 'networking.k8s.io' && kind.plural === 'ingresses',
    operations: ['CREATE'],
    start: (given) => void (reader = given),
    mutate({ object }) {
      const ingress = object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined || object.metadata?.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
      const found = defaultClass(reader.list('networking.k8s.io', 'ingressclasses'), ['ingressclass.kubernetes.io/is-default-class']);
      if (found !== undefined) (ingress.spec ??= {}).ingressClassName = found;
    },
  };
}

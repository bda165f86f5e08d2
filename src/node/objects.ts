import type { Client } from '#client';
import {
  ConfigMap,
  PersistentVolume,
  PersistentVolumeClaim,
  RuntimeClass,
  ResourceClaim,
  Secret,
  Service,
  ServiceAccount,
  type ResourceV1ResourceClaim,
  type V1ConfigMap,
  type V1PersistentVolume,
  type V1PersistentVolumeClaim,
  type V1RuntimeClass,
  type V1Secret,
  type V1Service,
  type V1ServiceAccount,
} from '#kinds';
import { isApiError, type Kind, type KubeObject } from '#machinery';

/** The objects that pods refer to. Informers open at their first use; a miss is checked with the API, which may be ahead of the cache. */
export interface ObjectSource {
  configMap(namespace: string, name: string): Promise<V1ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<V1Secret | undefined>;
  serviceAccount(namespace: string, name: string): Promise<V1ServiceAccount | undefined>;
  claim(namespace: string, name: string): Promise<V1PersistentVolumeClaim | undefined>;
  volume(name: string): Promise<V1PersistentVolume | undefined>;
  runtimeClass(name: string): Promise<V1RuntimeClass | undefined>;
  resourceClaim(namespace: string, name: string): Promise<ResourceV1ResourceClaim | undefined>;
  services(namespace: string): Promise<V1Service[]>;
}

export function createObjectSource(client: Client): ObjectSource {
  async function lookup<T extends KubeObject>(kind: Kind<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
    const informer = client.informer(kind);
    if (!informer.synced) await informer.ready();
    return informer.get(namespace, name) ?? (await fromApi(client, kind, namespace, name));
  }
  return {
    configMap: (namespace, name) => lookup(ConfigMap, namespace, name),
    secret: (namespace, name) => lookup(Secret, namespace, name),
    serviceAccount: (namespace, name) => lookup(ServiceAccount, namespace, name),
    claim: (namespace, name) => lookup(PersistentVolumeClaim, namespace, name),
    volume: (name) => lookup(PersistentVolume, undefined, name),
    runtimeClass: (name) => lookup(RuntimeClass, undefined, name),
    resourceClaim: (namespace, name) => lookup(ResourceClaim, namespace, name),
    async services(namespace) {
      const informer = client.informer(Service);
      if (!informer.synced) await informer.ready();
      return informer.list(namespace);
    },
  };
}
async function fromApi<T extends KubeObject>(client: Client, kind: Kind<T>, namespace: string | undefined, name: string): Promise<T | undefined> {
  try {
    return await client.api.get(kind, { namespace, name });
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

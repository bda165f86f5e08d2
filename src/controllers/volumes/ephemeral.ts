import { PersistentVolumeClaim, Pod, type V1Pod, type V1Volume } from '#kinds';
import { isApiError, type Api } from '#machinery';
import { isNamespaceTerminating, ownKey, splitKey, type Controller } from '../controller.ts';
import { controllerOf, controllerReference } from '../ownership.ts';
import { isPodTerminal, isTerminating } from '../pods.ts';

/** Makes the claims of generic ephemeral volumes, each owned by its pod. Keys are pods. */
export const ephemeralVolumeController: Controller = {
  name: 'ephemeral-volume',
  component: 'ephemeral_volume',
  setup(context) {
    const pods = context.watch(Pod, (pod, old) => (pod && hasEphemeral(pod) ? ownKey(pod, old) : []));
    const claims = context.watch(PersistentVolumeClaim, (claim, old) => {
      const owner = !claim && old ? controllerOf(old) : undefined;
      return owner?.kind === 'Pod' ? [`${old?.metadata?.namespace ?? ''}/${owner.name}`] : [];
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod || isTerminating(pod) || isPodTerminal(pod)) return;
      for (const volume of pod.spec?.volumes ?? []) {
        if (!volume.ephemeral) continue;
        const present = claims.get(namespace, `${name}-${volume.name}`);
        try {
          if (!present) await create(context.api, pod, volume);
          else if (controllerOf(present)?.uid !== pod.metadata?.uid)
            throw new Error(`PVC ${namespace}/${name}-${volume.name} was not created for pod ${namespace}/${name} (pod is not owner)`);
        } catch (error) {
          const text = error instanceof Error ? error.message : String(error);
          context.recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume.name}: ${text}`);
          throw error;
        }
      }
    };
  },
};

const hasEphemeral = (pod: V1Pod): boolean => pod.spec?.volumes?.some((volume) => volume.ephemeral) === true;

async function create(api: Api, pod: V1Pod, volume: V1Volume): Promise<void> {
  const { namespace, name } = pod.metadata ?? {};
  const { metadata, spec } = volume.ephemeral?.volumeClaimTemplate ?? { spec: {} };
  const claim = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${name}-${volume.name}`,
      ...(namespace ? { namespace } : {}),
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      ...(metadata?.annotations ? { annotations: metadata.annotations } : {}),
      ownerReferences: [controllerReference(Pod, pod)],
    },
    spec,
  };
  try {
    await api.create(PersistentVolumeClaim, claim);
  } catch (error) {
    // The cache was behind: whether it is this pod's is looked at when it is there.
    if (!isApiError(error, 'AlreadyExists') && !isNamespaceTerminating(error)) throw error;
  }
}

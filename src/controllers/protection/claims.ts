import { PersistentVolumeClaim, Pod, type V1PersistentVolumeClaim, type V1Pod } from '#kinds';
import { claimsOfPod, indexPodsByClaim } from '../claims-of-pod.ts';
import { ownKey, splitKey, type Controller } from '../controller.ts';
import { controllerOf } from '../ownership.ts';
import { protect } from './finalizer.ts';

const finalizer = 'kubernetes.io/pvc-protection';
const over = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Only pods that have a node: no node starts a pod whose claim is going. What an ephemeral volume made is its pod's alone, as long as that runs. */
function uses(pod: V1Pod, claim: V1PersistentVolumeClaim): boolean {
  if (!pod.spec?.nodeName) return false;
  const { name } = claim.metadata ?? {};
  return (pod.spec.volumes ?? []).some((volume) => {
    if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName === name;
    return volume.ephemeral !== undefined && `${pod.metadata?.name}-${volume.name}` === name && !over(pod) && controllerOf(claim)?.uid === pod.metadata?.uid;
  });
}

/** A claim goes when the last pod that uses it has gone. */
export const claimProtectionController: Controller = {
  name: 'pvc-protection',
  component: 'persistentvolumeclaim-protection-controller',
  setup(context) {
    const claims = context.watch(PersistentVolumeClaim, ownKey);
    const usersOf = indexPodsByClaim(context.watch(Pod, (pod, old) => [...claimsOfPod(pod), ...claimsOfPod(old)]));
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(namespace, name);
      if (claim) await protect(context.api, PersistentVolumeClaim, claim, finalizer, () => usersOf(key).some((pod) => uses(pod, claim)));
    };
  },
};

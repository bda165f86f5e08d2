import { compareQuantity } from '#base';
import { isClaimBound, localPathProvisioner, PersistentVolume, PersistentVolumeClaim, provisionedBy } from '#kinds';
import { ownKey, splitKey, type Controller } from '../controller.ts';

/** Tells that a claim which wants to grow waits for the one who can make its volume grow. The provisioner of this project does by itself. */
export const volumeExpandController: Controller = {
  name: 'persistentvolume-expander',
  component: 'volume_expand',
  setup(context) {
    const volumes = context.informer(PersistentVolume);
    const claims = context.watch(PersistentVolumeClaim, (claim, old) => {
      const same = claim?.spec?.resources?.requests?.['storage'] === old?.spec?.resources?.requests?.['storage'];
      return claim && old && !same ? ownKey(claim, old) : [];
    });
    return async (key) => {
      const { namespace, name } = splitKey(key);
      const claim = claims.get(namespace, name);
      const wanted = claim?.spec?.resources?.requests?.['storage'];
      const held = claim?.status?.capacity?.['storage'];
      if (!claim || !isClaimBound(claim) || wanted === undefined || held === undefined || compareQuantity(wanted, held) <= 0) return;
      const volume = volumes.get(undefined, claim.spec?.volumeName ?? '');
      if (!volume || volume.metadata?.annotations?.[provisionedBy] === localPathProvisioner) return;
      context.recorder.event(claim, volume.spec?.csi ? 'Normal' : 'Warning', 'ExternalExpanding', 'waiting for an external controller to expand this PVC');
    };
  },
};

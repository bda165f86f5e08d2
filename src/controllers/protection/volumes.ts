import { PersistentVolume, PersistentVolumeClaim, VolumeAttributesClass, type V1PersistentVolumeClaim } from '#kinds';
import { ownKey, type Controller } from '../controller.ts';
import { protect } from './finalizer.ts';

/** A volume goes when no claim is bound to it any more. */
export const volumeProtectionController: Controller = {
  name: 'pv-protection',
  component: 'persistentvolume-protection-controller',
  setup(context) {
    const volumes = context.watch(PersistentVolume, ownKey);
    return async (name) => {
      const volume = volumes.get(undefined, name);
      if (volume) await protect(context.api, PersistentVolume, volume, 'kubernetes.io/pv-protection', () => volume.status?.phase === 'Bound');
    };
  },
};

const classesOf = (claim: V1PersistentVolumeClaim | undefined): string[] =>
  [
    claim?.spec?.volumeAttributesClassName,
    claim?.status?.currentVolumeAttributesClassName,
    claim?.status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== '') as string[];

/** A VolumeAttributesClass goes when no volume and no claim names it. */
export const attributesClassProtectionController: Controller = {
  name: 'vac-protection',
  component: 'volumeattributesclass-protection-controller',
  setup(context) {
    const classes = context.watch(VolumeAttributesClass, ownKey);
    const claims = context.watch(PersistentVolumeClaim, (claim, old) => [...classesOf(claim), ...classesOf(old)]);
    const volumes = context.watch(PersistentVolume, (volume, old) =>
      [volume, old].flatMap((one) => (one?.spec?.volumeAttributesClassName ? [one.spec.volumeAttributesClassName] : [])),
    );
    claims.addIndex('attributesClass', classesOf);
    volumes.addIndex('attributesClass', (volume) => (volume.spec?.volumeAttributesClassName ? [volume.spec.volumeAttributesClassName] : []));
    return async (name) => {
      const used = (): boolean => claims.byIndex('attributesClass', name).length > 0 || volumes.byIndex('attributesClass', name).length > 0;
      const found = classes.get(undefined, name);
      if (found) await protect(context.api, VolumeAttributesClass, found, 'kubernetes.io/vac-protection', used);
    };
  },
};

import { maxAmount, parseAmount, wholeAmount, type Amount } from '#base';
import type { KubeObject } from '#machinery';
import type { ResourceList, Resources } from '../pods.ts';
import { classOfClaim } from '../storage.ts';
import { satisfies, type Evaluator } from './evaluator.ts';

interface Claim extends KubeObject {
  spec?: { storageClassName?: string; resources?: Resources; volumeAttributesClassName?: string };
  status?: {
    allocatedResources?: ResourceList;
    currentVolumeAttributesClassName?: string;
    modifyVolumeStatus?: { targetVolumeAttributesClassName?: string };
  };
}
const ofClass = '.storageclass.storage.k8s.io/';

/** PersistentVolumeClaims: their number and the storage they ask for, in all and by StorageClass. */
export const claimEvaluator: Evaluator = {
  group: '',
  plural: 'persistentvolumeclaims',
  updates: [''],
  limits(resource) {
    const end = resource.slice(resource.indexOf(ofClass) + ofClass.length);
    const name = resource.includes(ofClass) ? end : resource;
    return name === 'persistentvolumeclaims' || name === 'requests.storage';
  },
  usage(object) {
    const claim: Claim = object;
    const storage = storageOf(claim);
    const amounts: [string, Amount][] = [['persistentvolumeclaims', wholeAmount(1)]];
    if (storage) amounts.push(['requests.storage', storage]);
    const name = classOfClaim(claim);
    const byClass = amounts.map(([resource, amount]): [string, Amount] => [`${name}${ofClass}${resource}`, amount]);
    return new Map(name === '' ? amounts : [...amounts, ...byClass]);
  },
  inScope(object, requirement) {
    const { spec, status } = object as Claim;
    if (requirement.scopeName !== 'VolumeAttributesClass') return false;
    const names = [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName];
    const said = names.filter((name) => name);
    return said.length === 0 ? satisfies(undefined, requirement) : said.some((name) => satisfies(name, requirement));
  },
};

/** An expansion that is under way holds what it was promised, even when less is wanted again. */
function storageOf({ spec, status }: Claim): Amount | undefined {
  const wanted = spec?.resources?.requests?.['storage'];
  const promised = status?.allocatedResources?.['storage'];
  const [a, b] = [wanted && parseAmount(wanted), promised && parseAmount(promised)];
  return a && b ? maxAmount(a, b) : a || undefined;
}

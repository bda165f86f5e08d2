import { wholeAmount } from '#base';
import type { KubeObject } from '#machinery';
import { addTo, raiseTo, type Amounts } from '../pods.ts';
import type { Evaluator } from './evaluator.ts';

interface DeviceRequest {
  deviceClassName?: string;
  allocationMode?: string;
  count?: number;
}
interface ResourceClaim extends KubeObject {
  spec?: { devices?: { requests?: { exactly?: DeviceRequest; firstAvailable?: DeviceRequest[] }[] } };
}
const ofClass = '.deviceclass.resource.k8s.io/devices';
/** What a claim for all devices of a pool counts as: the most that one claim can be given. */
const most = 32;

/** ResourceClaims (dynamic resource allocation): the devices they ask for, by DeviceClass. Of alternatives the largest counts. */
export const deviceClaimEvaluator: Evaluator = {
  group: 'resource.k8s.io',
  plural: 'resourceclaims',
  limits: (resource) => resource.endsWith(ofClass),
  usage(object) {
    const out: Amounts = new Map();
    for (const { exactly, firstAvailable = [] } of (object as ResourceClaim).spec?.devices?.requests ?? []) {
      const either: Amounts = new Map();
      for (const request of exactly ? [exactly] : firstAvailable) raiseTo(either, devices(request));
      addTo(out, either);
    }
    return out;
  },
};
function devices({ deviceClassName, allocationMode, count = 1 }: DeviceRequest): Amounts {
  return new Map([[`${deviceClassName}${ofClass}`, wholeAmount(allocationMode === 'All' ? most : count)]]);
}

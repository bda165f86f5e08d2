import { Pod, ResourceClaim, ResourceSlice, type ResourceV1ResourceClaim, type V1DeviceRequestAllocationResult, type V1DeviceTaint, type V1Pod } from '#kinds';
import { splitKey, type Controller, type ControllerContext } from '../controller.ts';
import { disruptPod } from '../nodes/disrupt.ts';
import { leavingTime } from '../nodes/taints.ts';
import { isPodTerminal, isTerminating } from '../pods.ts';

const byPool = 'devicetaints.pool';
const byPod = 'devicetaints.pod';

/**
 * Removes pods that use devices with NoExecute taints, once the tolerations of their claims have run out (KEP-5055). Keys are pods.
 * (Kubernetes: pkg/controller/devicetainteviction.)
 */
export const deviceTaintEvictionController: Controller = {
  name: 'device-taint-eviction-controller',
  component: 'device_taint_eviction',
  setup(context) {
    const pods = context.informer(Pod);
    const usersOf = (claim: ResourceV1ResourceClaim): string[] =>
      (claim.status?.reservedFor ?? []).flatMap(({ resource, apiGroup, name }) =>
        resource === 'pods' && !apiGroup ? [`${claim.metadata?.namespace ?? ''}/${name}`] : [],
      );
    const claims = context.watch(ResourceClaim, (claim, old) => [...new Set([claim, old].flatMap((one) => (one ? usersOf(one) : [])))]);
    claims.addIndex(byPool, (claim) => [...new Set(resultsOf(claim).map(({ driver, pool }) => `${driver}/${pool}`))]);
    claims.addIndex(byPod, usersOf);
    const slices = context.watch(ResourceSlice, (slice, old) => {
      const { driver, pool } = (slice ?? old)?.spec ?? {};
      return claims.byIndex(byPool, `${driver}/${pool?.name}`).flatMap(usersOf);
    });
    slices.addIndex(byPool, ({ spec }) => [`${spec?.driver}/${spec?.pool?.name}`]);
    const taintsOf = ({ driver, pool, device }: V1DeviceRequestAllocationResult): V1DeviceTaint[] => {
      const all = slices.byIndex(byPool, `${driver}/${pool}`);
      const newest = Math.max(...all.map(({ spec }) => spec?.pool?.generation ?? 0));
      const found = all.filter(({ spec }) => (spec?.pool?.generation ?? 0) === newest).flatMap(({ spec }) => spec?.devices ?? []);
      return found.filter(({ name }) => name === device).flatMap(({ taints }) => taints ?? []);
    };
    const marked = new Set<string>();
    const firstSeen = new Map<string, number>();
    const firstSeenAt = ({ driver, pool, device }: V1DeviceRequestAllocationResult, { key, value }: V1DeviceTaint): number => {
      const id = `${driver}/${pool}/${device} ${key}=${value ?? ''}`;
      const at = firstSeen.get(id) ?? context.clock.now();
      firstSeen.set(id, at);
      return at;
    };

    return async (key) => {
      const { namespace, name } = splitKey(key);
      const pod = pods.get(namespace, name);
      if (!pod || isTerminating(pod) || isPodTerminal(pod)) return void marked.delete(key);
      const own = claims.byIndex(byPod, key).filter((claim) => claim.status?.reservedFor?.some(({ uid }) => uid === pod.metadata?.uid));
      // Administrators' access stays, whatever the device is like.
      const used = own.flatMap(resultsOf).filter(({ adminAccess }) => !adminAccess);
      const times = used.flatMap((result) => leavingTime(taintsOf(result), result.tolerations, (taint) => firstSeenAt(result, taint)) ?? []);
      const at = times.length === 0 ? undefined : Math.min(...times);
      if (at === undefined) {
        if (marked.delete(key)) context.recorder.event(pod, 'Normal', 'DeviceTaintManagerEviction', 'Cancelling deletion');
        return;
      }
      const left = at - context.clock.now();
      if (left > 0) {
        marked.add(key);
        return left;
      }
      marked.delete(key);
      await evict(context, pod);
    };
  },
};

const resultsOf = ({ status }: ResourceV1ResourceClaim): V1DeviceRequestAllocationResult[] => status?.allocation?.devices?.results ?? [];

async function evict(context: ControllerContext, pod: V1Pod): Promise<void> {
  context.recorder.event(pod, 'Normal', 'DeviceTaintManagerEviction', 'Marking for deletion');
  await disruptPod(context, pod, { why: { reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' } });
}

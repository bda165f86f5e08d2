import { BlockList, isIPv6 } from 'node:net';
import { formatTime } from '#base';
import { IPAddress, ServiceCIDR, type V1Condition, type V1IPAddress, type V1ServiceCIDR } from '#kinds';
import { isApiError, type Api } from '#machinery';
import type { Controller } from '../controller.ts';
import { protect } from '../protection/finalizer.ts';
import { isManaged } from './ip-addresses.ts';

const finalizer = 'networking.k8s.io/service-cidr-finalizer';
const defaultName = 'kubernetes';
const deleting = ({ metadata }: V1ServiceCIDR): boolean => metadata?.deletionTimestamp !== undefined;

/** Makes the ServiceCIDR that every cluster has, says which are ready, and lets one go when no Service has an address of it alone. */
export const serviceCidrController: Controller = {
  name: 'service-cidrs',
  component: 'service-cidr-controller',
  setup(context) {
    const { api, clock, options } = context;
    const addresses = context.informer(IPAddress);
    const waiting = (): string[] =>
      cidrs
        .list()
        .filter(deleting)
        .map(({ metadata }) => metadata?.name ?? '');
    const cidrs = context.watch(ServiceCIDR, (cidr, old) => [(cidr ?? old)?.metadata?.name ?? '', ...waiting()]);
    context.watch(IPAddress, (address) => (address ? [] : waiting()));
    if (options.serviceCidr !== undefined) context.enqueue(defaultName);

    return async (name) => {
      const cidr = cidrs.get(undefined, name);
      if (!cidr) return name === defaultName && options.serviceCidr !== undefined ? create(api, options.serviceCidr) : undefined;
      const others = cidrs.list().filter((other) => other !== cidr && !deleting(other));
      const blocked = await protect(api, ServiceCIDR, cidr, finalizer, () => addresses.list().some((one) => depends(one, cidr, others)));
      if (blocked || !deleting(cidr)) await tell(api, cidr, blocked, formatTime(clock.now()));
    };
  },
};

async function create(api: Api, cidr: string): Promise<void> {
  try {
    await api.create(ServiceCIDR, { metadata: { name: defaultName, finalizers: [finalizer] }, spec: { cidrs: [cidr] } });
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}

/** Whether an address of a Service would be outside of every range without this one. */
function depends(address: V1IPAddress, cidr: V1ServiceCIDR, others: readonly V1ServiceCIDR[]): boolean {
  const ip = address.metadata?.name ?? '';
  return isManaged(address) && contains(cidr, ip) && !others.some((other) => contains(other, ip));
}
function contains({ spec }: V1ServiceCIDR, ip: string): boolean {
  const list = new BlockList();
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
  for (const cidr of spec?.cidrs ?? []) {
    const [network = '', length] = cidr.split('/');
    if (isIPv6(network) === isIPv6(ip)) list.addSubnet(network, Number(length), family);
  }
  return list.check(ip, family);
}

async function tell(api: Api, cidr: V1ServiceCIDR, blocked: boolean, now: string): Promise<void> {
  const wanted: Omit<V1Condition, 'lastTransitionTime'> = blocked
    ? {
        type: 'Ready',
        status: 'False',
        reason: 'Terminating',
        message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
      }
    : {
        type: 'Ready',
        status: 'True',
        reason: '',
        message: cidr.metadata?.name === defaultName ? 'Kubernetes default Service CIDR is ready' : 'Kubernetes Service CIDR is ready',
      };
  const present = cidr.status?.conditions?.find(({ type }) => type === 'Ready');
  if (present?.status === wanted.status && present.reason === wanted.reason && present.message === wanted.message) return;
  const lastTransitionTime = present?.status === wanted.status ? present.lastTransitionTime : now;
  const others = (cidr.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
  await api.patch(
    ServiceCIDR,
    { name: cidr.metadata?.name ?? '' },
    'application/merge-patch+json',
    { status: { conditions: [...others, { lastTransitionTime, ...wanted }].map((condition) => ({ ...condition })) } },
    { subresource: 'status' },
  );
}

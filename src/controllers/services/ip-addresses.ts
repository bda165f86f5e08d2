import { isIPv6 } from 'node:net';
import { IPAddress, Service, type V1IPAddress, type V1Service } from '#kinds';
import { isApiError } from '#machinery';
import type { Controller } from '../controller.ts';

const managedBy = 'ipaddress.kubernetes.io/managed-by';
const ours = 'ipallocator.k8s.io';
export const isManaged = (address: V1IPAddress | undefined): boolean => address?.metadata?.labels?.[managedBy] === ours;

const addressesOf = (service: V1Service | undefined): string[] => (service?.spec?.clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None');

/** Every cluster IP is an IPAddress that names its Service (KEP-1880). Keys are addresses. */
export const serviceAddressController: Controller = {
  name: 'service-ip-addresses',
  component: 'ipallocator',
  setup(context) {
    const services = context.watch(Service, (service, old) => [...addressesOf(service), ...addressesOf(old)]);
    const addresses = context.watch(IPAddress, (address, old) => (isManaged(address ?? old) ? [(address ?? old)?.metadata?.name ?? ''] : []));
    services.addIndex('clusterIP', addressesOf);
    return async (ip) => {
      const [owner] = services.byIndex('clusterIP', ip);
      const present = addresses.get(undefined, ip);
      try {
        if (present && isManaged(present) && !(owner && refersTo(present, owner))) await context.api.delete(IPAddress, { name: ip });
        else if (owner && !present) await context.api.create(IPAddress, addressFor(ip, owner));
      } catch (error) {
        if (!isApiError(error, 'NotFound') && !isApiError(error, 'AlreadyExists')) throw error;
      }
    };
  },
};

function refersTo({ spec }: V1IPAddress, { metadata }: V1Service): boolean {
  const { resource, namespace, name } = spec?.parentRef ?? {};
  return resource === 'services' && namespace === metadata?.namespace && name === metadata?.name;
}
function addressFor(ip: string, { metadata }: V1Service): V1IPAddress {
  return {
    metadata: { name: ip, labels: { 'ipaddress.kubernetes.io/ip-family': isIPv6(ip) ? 'IPv6' : 'IPv4', [managedBy]: ours } },
    spec: { parentRef: { resource: 'services', namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' } },
  };
}

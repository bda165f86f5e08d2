import { termMatcher, type NodeMatcher, type SelectedNode, type V1Device, type V1NodeSelector, type V1ResourceSlice } from '#kinds';

/** A device and where it is. */
export interface PooledDevice {
  readonly driver: string;
  readonly pool: string;
  readonly device: V1Device;
  /** Of the nodes that can use it. */
  readonly nodes: V1NodeSelector | undefined;
  reaches(node: SelectedNode): boolean;
  /** Key that allocations share: driver/pool/device. */
  readonly key: string;
}
/** What counters a pool has, by `driver/pool/set/counter`, as quantities. */
export interface Inventory {
  readonly devices: readonly PooledDevice[];
  readonly counters: ReadonlyMap<string, string>;
  /** Devices that draw on counters, by `driver/pool`. */
  readonly drawing: ReadonlyMap<string, readonly PooledDevice[]>;
}

export const deviceKey = (driver: string, pool: string, device: string): string => `${driver}/${pool}/${device}`;

/** Slices of a pool's newest generation, when all of them are there: an incomplete pool offers nothing. */
export function inventoryOf(slices: readonly V1ResourceSlice[]): Inventory {
  const devices: PooledDevice[] = [];
  const counters = new Map<string, string>();
  for (const [pool, all] of Map.groupBy(slices, ({ spec }) => `${spec?.driver}/${spec?.pool?.name}`)) {
    const newest = Math.max(...all.map(({ spec }) => spec?.pool?.generation ?? 0));
    const current = all.filter(({ spec }) => (spec?.pool?.generation ?? 0) === newest);
    if (current.length !== current[0]?.spec?.pool?.resourceSliceCount) continue;
    for (const { spec } of current.toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))) {
      for (const set of spec?.sharedCounters ?? [])
        for (const [name, { value }] of Object.entries(set.counters)) counters.set(`${pool}/${set.name}/${name}`, value);
      if (!spec) continue;
      for (const device of spec.devices ?? []) {
        const place = spec.perDeviceNodeSelection ? device : spec;
        const nodes = place.nodeName ? nodeNamed(place.nodeName) : place.nodeSelector;
        const reaches = nodes ? matcherOf(nodes) : (): boolean => place.allNodes === true;
        devices.push({ driver: spec.driver, pool: spec.pool.name, device, nodes, reaches, key: deviceKey(spec.driver, spec.pool.name, device.name) });
      }
    }
  }
  const drawing = Map.groupBy(
    devices.filter(({ device }) => device.consumesCounters?.length),
    (one) => `${one.driver}/${one.pool}`,
  );
  return { devices, counters, drawing };
}
export const nodeNamed = (name: string): V1NodeSelector => ({
  nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
});
export function matcherOf(selector: V1NodeSelector): NodeMatcher {
  const terms = selector.nodeSelectorTerms.map(termMatcher);
  return (node) => terms.some((matches) => matches(node));
}

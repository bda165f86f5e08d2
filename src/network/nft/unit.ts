/** Where one owner (a service, a pod with host ports) wants traffic to go, in nftables' own words. */
export interface Unit {
  /** Set or map name → its declaration, without elements. */
  readonly sets: Map<string, string>;
  /** Chain name → its rules. */
  readonly chains: Map<string, readonly string[]>;
  /** Shared set or map name → element → its value (`goto …` or an address; '' in a set). */
  readonly elements: Map<string, Map<string, string>>;
  /** IPs and pod UIDs that get new connections and are not terminating. */
  readonly live: Set<string>;
  /** Endpoint IPs of UDP ports, whose tracked flows must go when the endpoint goes. */
  readonly udp: Set<string>;
  /** Endpoint IPs that localhost must reach. */
  readonly localhost: Set<string>;
}

export function emptyUnit(): Unit {
  return { sets: new Map(), chains: new Map(), elements: new Map(), live: new Set(), udp: new Set(), localhost: new Set() };
}

export function addElement(unit: Unit, set: string, key: string, value = ''): void {
  let elements = unit.elements.get(set);
  if (!elements) unit.elements.set(set, (elements = new Map()));
  if (!elements.has(key)) elements.set(key, value);
}

/** What the renderer must know of this instance. */
export interface TableSettings {
  /** nftables table name (family ip). */
  table: string;
  podCIDR: string;
  serviceCIDR: string;
  nodes: readonly { name: string; ip: string; podCIDR: string }[];
  /** Addresses besides the node IPs on which NodePorts and host ports answer; 127.0.0.1 for localhost. */
  hostAddresses: readonly string[];
}

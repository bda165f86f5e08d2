/**
 * network: what Services, EndpointSlices and Pods ask for, made true on this machine: an interface with the
 * node addresses, one nftables table per instance, and cluster DNS. Reads through the client only; knows no
 * server, store, runtime or controller. Rendering (nft/) and name resolution (dns/resolve.ts) are pure.
 *
 * Rules of ours accept; they cannot overrule a host firewall whose own forward or input chain drops.
 */
export { removeNetwork, startNetwork, tableName, type Network, type NetworkOptions, type NodeNetwork } from './network.ts';
export {
  cidrAddress,
  cidrAddresses,
  cidrContains,
  cidrsOverlap,
  formatCidr,
  formatIPv4,
  isIPv4,
  mustCidr,
  parseCidr,
  parseIPv4,
  subCidr,
  type Cidr,
} from './ip.ts';
export { systemHost, type Host, type Run, type RunResult } from './host.ts';

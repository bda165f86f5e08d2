import type { Clock, Logger, Random } from '#base';
import type { Client, Informer, Recorder } from '#client';
import { isApiError, type Api, type Kind, type KubeObject, type ObjectKey, type UserInfo } from '#machinery';
import type { ClusterAutoscalerOptions } from './cluster-autoscaler/types.ts';

/** What steers HorizontalPodAutoscalers; the defaults are kube-controller-manager's. */
export interface AutoscalerOptions {
  /** How often they look at their metrics, ms. Default 15 s. */
  readonly syncPeriodMs?: number;
  /** How long the highest recommendation holds, ms. Default 5 min. */
  readonly downscaleStabilizationMs?: number;
  /** How far usage may be from its target. Default 0.1. */
  readonly tolerance?: number;
  /** How long CPU of a pod counts only while it is ready, ms. Default 5 min. */
  readonly cpuInitializationMs?: number;
  /** A pod that turned unready this soon after its start was never ready, ms. Default 30 s. */
  readonly initialReadinessMs?: number;
}

export interface ControllerOptions {
  /** PEM of the cluster's CA, published in every namespace as ConfigMap kube-root-ca.crt. Nothing is published without it. */
  rootCa?: string;
  /** Reads and signs certificate requests. Nothing is approved or signed without it. */
  certificates?: CertificateAuthority;
  /** Makes the token of a Secret of type kubernetes.io/service-account-token. No such Secret is filled without it. */
  signLegacyToken?(claims: { namespace: string; secret: string; serviceaccount: { name: string; uid: string } }): string;
  /** The range of cluster IPs, published as the ServiceCIDR `kubernetes`. */
  serviceCidr?: string;
  /** How long a node may be silent before it counts as unreachable, ms. Default 40 s (--node-monitor-grace-period). */
  nodeMonitorGraceMs?: number;
  /** How long a node that never spoke may take to come up, ms. Default 60 s (--node-startup-grace-period). */
  nodeStartupGraceMs?: number;
  /** Terminated pods that are kept. Default 12,500 (--terminated-pod-gc-threshold). */
  terminatedPodThreshold?: number;
  /** How often pods are swept, ms. Default 20 s. */
  podGcPeriodMs?: number;
  /** How long a node must be gone before its pods are removed, ms. Default 40 s. */
  orphanQuarantineMs?: number;
  /** Changes of a key are gathered for so long after it was handled, ms; beside what its work takes. For simulations, where work takes no time. Default 0. */
  gatherMs?: number;
  autoscaler?: AutoscalerOptions;
  /** Nothing is scaled without it. */
  clusterAutoscaler?: ClusterAutoscalerOptions;
  /** How fast nodes that are gone are emptied, and when a zone counts as disrupted. */
  zones?: ZoneOptions;
  /** Ranges out of which nodes that have no range of pod addresses are given one, such as `10.64.200.0/21`. None is given without them. */
  nodeCidrs?: readonly string[];
}

export interface ZoneOptions {
  /** Nodes per second whose pods are evicted, in each zone. Default 0.1 (--node-eviction-rate). */
  evictionRate?: number;
  /** The same in a large zone that is partly disrupted. Default 0.01 (--secondary-node-eviction-rate). */
  secondaryEvictionRate?: number;
  /** Share of nodes not ready that makes a zone disrupted. Default 0.55 (--unhealthy-zone-threshold). */
  unhealthyZoneThreshold?: number;
  /** Zones of up to this many nodes stop evicting when they are disrupted. Default 50 (--large-cluster-size-threshold). */
  largeZoneSize?: number;
}

/** What a certificate request says of itself, once its signature is checked. */
export interface RequestedNames {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
}
export interface CertificateAuthority {
  /** Throws an Error that says what is wrong with the PEM. */
  read(pem: string): RequestedNames;
  /** PEM of the certificate. `seconds` is how long it is to hold. */
  sign(pem: string, usages: readonly string[], seconds: number): string;
  /** Whether a user may create `certificatesigningrequests/SUBRESOURCE`: nodeclient or selfnodeclient. */
  mayCreate(user: UserInfo, subresource: string): boolean;
  /** When a certificate ends, ms since the epoch; undefined when the PEM holds none. */
  expiry(pem: string): number | undefined;
}

/** What a controller is given. `watch` and `informer` may be called in `setup` only: work begins when all of them are filled. */
export interface ControllerContext {
  readonly client: Client;
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly recorder: Recorder;
  readonly options: ControllerOptions;
  informer<T extends KubeObject>(kind: Kind<T>): Informer<T>;
  /** Follows a kind and queues the keys that a change concerns. `object` is undefined on deletion, `old` on creation. */
  watch<T extends KubeObject>(kind: Kind<T>, keys: (object: T | undefined, old: T | undefined) => readonly string[]): Informer<T>;
  /** The same for every resource that `chosen` accepts, custom ones included, also those that are served later. */
  watchAll(chosen: (kind: Kind) => boolean, keys: (kind: Kind, object: KubeObject | undefined, old: KubeObject | undefined) => readonly string[]): void;
  enqueue(key: string): void;
  enqueueAfter(key: string, ms: number): void;
}

/**
 * Makes what one key names true. It is given a name and never an event: it looks at the present state,
 * writes what is missing and may give a number of ms after which to be called again. What it throws is
 * retried with back-off.
 */
export type Reconcile = (key: string) => Promise<number | void>;

export interface Controller {
  readonly name: string;
  /** Component of its Events, as Kubernetes names it; default: the name. */
  readonly component?: string;
  /** Keys handled at the same time. Default 16. */
  readonly concurrency?: number;
  setup(context: ControllerContext): Reconcile;
}

/** `namespace/name`, or the name of an object without namespace. */
export function keyFor(object: KubeObject): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace ? `${namespace}/${name ?? ''}` : (name ?? '');
}
export function splitKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
/** The key of the changed object itself: what most controllers watch their own kind with. */
export const ownKey = (object: KubeObject | undefined, old: KubeObject | undefined): readonly string[] => [keyFor((object ?? old) as KubeObject)];

/** A create that was refused because its namespace is being deleted: nothing to complain about. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isApiError(error) && (error.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating');
}

import { compareVersions, type KubeObject } from '#machinery';

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime?: string;
}
/** apiregistration.k8s.io/v1 APIService. */
export interface APIService extends KubeObject {
  spec?: {
    group?: string;
    version?: string;
    /** Who serves it; absent where this process does. */
    service?: { namespace?: string; name?: string; port?: number };
    caBundle?: string;
    insecureSkipTLSVerify?: boolean;
    groupPriorityMinimum?: number;
    versionPriority?: number;
  };
  status?: { conditions?: Condition[] };
}
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}
export interface Priority {
  readonly group: number;
  readonly version: number;
}

export const apiServices = { group: 'apiregistration.k8s.io', plural: 'apiservices' } as const;
export const versionKey = ({ group, version }: GroupVersion): string => `${group}/${version}`;
export function groupVersionOf({ spec }: APIService): GroupVersion {
  return { group: spec?.group ?? '', version: spec?.version ?? '' };
}
export function conditionOf({ status }: APIService): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === 'Available');
}
export function isAvailable(service: APIService): boolean {
  return conditionOf(service)?.status === 'True';
}

/** groupPriorityMinimum and versionPriority that kube-apiserver registers its own group versions with. */
const groupPriorities: { readonly [group: string]: number } = {
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
  'internal.apiserver.k8s.io': 16000,
  'resource.k8s.io': 15900,
  'storagemigration.k8s.io': 15800,
};
const versionPriorities: { readonly [groupVersion: string]: number } = { '/v1': 1, 'autoscaling/v2': 30 };
/** Custom resources come after all that. */
const custom: Priority = { group: 1000, version: 100 };

/** The priorities of a group version that nobody registered otherwise. */
export function defaultPriority(at: GroupVersion): Priority {
  const group = groupPriorities[at.group];
  return group === undefined ? custom : { group, version: versionPriorities[versionKey(at)] ?? 15 };
}
export function compareByPriority(a: GroupVersion & { priority: Priority }, b: GroupVersion & { priority: Priority }): number {
  return b.priority.version - a.priority.version || compareVersions(a.version, b.version);
}

import type { Clock, Logger, Random } from '#base';
import type { Client } from '#client';
import type { V1Pod } from '#kinds';
import type { CgroupManager } from './cgroups.ts';
import type { PodFacts } from './env.ts';
import type { ImageManager } from './images.ts';
import type { ObjectSource } from './objects.ts';
import type { Objection } from './resize/judge.ts';
import type { Runtime } from './runtime.ts';
import type { VolumeManager } from './volumes/manager.ts';

/** What every pod worker of one node shares. */
export interface AgentContext {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  runtime: Runtime;
  nodeName: string;
  hostname: string;
  hostIPs: readonly string[];
  allocatable: PodFacts['allocatable'];
  maxPods: number;
  /** Root of container logs: `<namespace>_<name>_<uid>/<container>/<attempt>.log` below it. */
  logDir: string;
  clusterDNS: string;
  clusterDomain: string;
  kubernetesService: { host: string; port: number } | undefined;
  /** resolv.conf of the host, for dnsPolicy Default. */
  hostResolv: { servers: string[]; searches: string[]; options: string[] };
  hostsFile: string;
  objects: ObjectSource;
  images: ImageManager;
  /** Undefined on simulated nodes: no volumes, no files, no cgroups. */
  volumes: VolumeManager | undefined;
  cgroups: CgroupManager | undefined;
  emit(pod: V1Pod, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
  beforeStop: ((pod: V1Pod) => Promise<void>) | undefined;
  /** Why the node refuses a pod, if it does. */
  admit(pod: V1Pod): { reason: string; message: string } | undefined;
  /** Why the node cannot give a pod what it now asks for, if it cannot. */
  judge(pod: V1Pod): Objection | undefined;
  /** Something became free on the node: resizes that wait are judged again. */
  freed(): void;
  /** Plans the pod again, now or after so many ms. */
  enqueue(podUid: string, afterMs?: number): void;
  /** The worker has nothing left to do, for good. */
  finished(podUid: string): void;
}

/** What the Pod Security Standards read of a pod. */
import type { ObjectMeta } from '#machinery';

interface Host {
  httpGet?: { host?: string };
  tcpSocket?: { host?: string };
}
interface Profile {
  type?: string;
}
export interface SeLinuxOptions {
  type?: string;
  user?: string;
  role?: string;
}
/** What pods and containers both may set. */
interface Context {
  runAsNonRoot?: boolean;
  runAsUser?: number;
  seccompProfile?: Profile;
  appArmorProfile?: Profile;
  seLinuxOptions?: SeLinuxOptions;
  windowsOptions?: { hostProcess?: boolean };
}
export interface Container {
  name: string;
  image?: string;
  ports?: { hostPort?: number }[];
  livenessProbe?: Host;
  readinessProbe?: Host;
  startupProbe?: Host;
  lifecycle?: { postStart?: Host; preStop?: Host };
  securityContext?: Context & {
    privileged?: boolean;
    allowPrivilegeEscalation?: boolean;
    procMount?: string;
    capabilities?: { add?: string[]; drop?: string[] };
  };
}
export type Volume = { name: string } & { [source: string]: unknown };
export interface PodSpec {
  containers?: Container[];
  initContainers?: Container[];
  ephemeralContainers?: Container[];
  volumes?: Volume[];
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  hostUsers?: boolean;
  os?: { name?: string };
  securityContext?: Context & { sysctls?: { name: string }[] };
}
export interface PodTemplate {
  metadata?: ObjectMeta;
  spec?: PodSpec;
}

/** What a check objects to; undefined when nothing. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}
export type CheckPod = (spec: PodSpec, metadata: ObjectMeta) => Violation | undefined;
export interface Check {
  /** As the library of Kubernetes names it; violations are told in the order of the ids. */
  readonly id: string;
  /** What is checked from which minor version of the standards on, oldest first. */
  readonly since: readonly (readonly [minor: number, check: CheckPod])[];
  /** Baseline checks that this one takes the place of. */
  readonly overrides?: readonly string[];
}

import type { Duplex } from 'node:stream';
import type { IncomingMessage } from 'node:http';

/** What runs containers. CRI in shape: small required core, capabilities in optional interfaces below. */
export interface Runtime {
  readonly name: string;
  readonly version: string;
  /** Handlers of RuntimeClasses that the node has; absent: it takes any. */
  readonly handlers?: readonly string[];
  /** Everything of this node that exists now, running or not: the agent adopts it after a restart. With `podUid`, the sandboxes of that pod only (cheap: called after every change). */
  list(podUid?: string): Promise<SandboxState[]>;
  /** Tells that something changed in a sandbox (a container exited, started, was killed for memory). May repeat; may be spurious; `undefined` = look at everything. */
  subscribe(changed: (podUid: string | undefined) => void): { close(): void };
  sandboxes: SandboxRuntime;
  containers: ContainerRuntime;
  images: ImageRuntime;
}

export interface SandboxRuntime {
  /** Idempotent per podUid and attempt. Rejects with RuntimeError. */
  run(spec: SandboxSpec): Promise<{ id: string; ips: string[] }>;
  stop(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface ContainerRuntime {
  create(sandboxId: string, spec: ContainerSpec): Promise<string>;
  start(id: string): Promise<void>;
  /** SIGTERM (or the image's stop signal), then SIGKILL after `graceSeconds`. Resolves when it is dead. */
  stop(id: string, graceSeconds: number): Promise<void>;
  remove(id: string): Promise<void>;
  /** Other limits for a container that runs (CRI UpdateContainerResources). */
  update(id: string, resources: ContainerSpec['resources']): Promise<void>;
  /** Runs a command to its end inside the container. Output is cut at 64 KiB. `timeoutMs` kills it: timedOut. */
  exec(id: string, command: readonly string[], timeoutMs: number): Promise<{ exitCode: number; output: string; timedOut: boolean }>;
  /** After the log file was renamed: write to a new one from now on (CRI ReopenContainerLog). Without it the agent does not rotate logs. */
  reopenLog?(id: string): Promise<void>;
}

export interface ImageRuntime {
  /** Undefined when the image is not on the node. */
  status(ref: string): Promise<ImageState | undefined>;
  /** Rejects with RuntimeError 'image-pull' and the registry's words. */
  pull(ref: string, auth?: { username: string; password: string }): Promise<ImageState>;
  list(): Promise<ImageState[]>;
  /** For the image garbage collector; without it nothing is collected. */
  remove?(id: string): Promise<void>;
}

export interface ImageState {
  id: string;
  repoTags: readonly string[];
  repoDigests: readonly string[];
  sizeBytes: number;
  /** Numeric user of the image config when it has one. */
  uid?: number;
  username?: string;
}

export interface StreamRuntime {
  exec(
    id: string,
    options: { command: readonly string[]; stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean },
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void>;
  attach(
    id: string,
    options: { stdin: boolean; stdout: boolean; stderr: boolean; tty: boolean },
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void>;
  portForward(sandboxId: string, ports: readonly number[], request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
}
/** A runtime whose containers can be talked to. */
export interface Streaming {
  streams: StreamRuntime;
}

export interface ContainerStats {
  cpuNanoseconds: number;
  memoryWorkingSetBytes: number;
}
/** A runtime that can tell usage. */
export interface Measured {
  stats(containerId: string): Promise<ContainerStats>;
}

/** A runtime that keeps the logs of its containers itself, not in files: CRI lines. */
export interface LogSource {
  logs(containerId: string): Promise<string>;
}

/** A runtime that answers probes and hooks itself, because nothing listens at its pods' addresses (simulation). */
export interface Probing {
  probe(containerId: string, kind: 'startup' | 'readiness' | 'liveness' | 'hook'): { ok: boolean; output: string };
}

/** A runtime without memory of its own: it is told, once, what the API knows to run on the node. */
export interface Restorable {
  restore(pods: readonly RestoredPod[]): void;
}
export interface RestoredContainer {
  id: string;
  name: string;
  attempt: number;
  image: string;
  imageId: string;
  startedAt: number;
  annotations: Record<string, string>;
  initial: boolean;
  /** Bytes; 0 = none */
  memoryLimit: number;
}
export interface RestoredPod {
  podUid: string;
  namespace: string;
  name: string;
  ips: string[];
  annotations: Record<string, string>;
  startedAt: number;
  containers: RestoredContainer[];
}

export interface SandboxSpec {
  podUid: string;
  namespace: string;
  name: string;
  attempt: number;
  hostname: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Directory of the container logs of this pod. */
  logDirectory: string;
  /** Cgroup that the agent made for the pod; containers go below it. '' = none. */
  cgroupParent: string;
  dns: { servers: string[]; searches: string[]; options: string[] };
  hostNetwork: boolean;
  hostPID: boolean;
  hostIPC: boolean;
  shareProcessNamespace: boolean;
  sysctls: Record<string, string>;
  runAsUser?: number;
  runAsGroup?: number;
  privileged: boolean;
}

/** A seccomp or AppArmor profile. */
export interface SecurityProfile {
  type: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  /** For Localhost: the path of a seccomp profile, the name of a loaded AppArmor profile; else ''. */
  localhostRef: string;
}

export interface Mount {
  containerPath: string;
  hostPath: string;
  readOnly: boolean;
  propagation: 'private' | 'host-to-container' | 'bidirectional';
}

/** A device of the host in a container. */
export interface Device {
  containerPath: string;
  hostPath: string;
  readOnly: boolean;
}

export interface ContainerSpec {
  name: string;
  attempt: number;
  /** Image reference as pulled. */
  image: string;
  /** Replaces the entrypoint when not empty. */
  command: string[];
  args: string[];
  workingDir: string;
  env: { name: string; value: string }[];
  mounts: Mount[];
  devices?: Device[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  /** Relative to the sandbox's log directory. */
  logPath: string;
  stdin: boolean;
  stdinOnce: boolean;
  tty: boolean;
  resources: { cpuShares: number; cpuQuotaUs: number; cpuPeriodUs: number; memoryLimitBytes: number; oomScoreAdj: number };
  privileged: boolean;
  addCapabilities: string[];
  dropCapabilities: string[];
  runAsUser?: number;
  runAsGroup?: number;
  runAsUserName?: string;
  supplementalGroups: number[];
  readOnlyRootFilesystem: boolean;
  noNewPrivileges: boolean;
  /** Absent: unconfined. */
  seccomp?: SecurityProfile;
  /** Absent: what the runtime does by itself. */
  appArmor?: SecurityProfile;
  hostPID: boolean;
  hostIPC: boolean;
  hostNetwork: boolean;
  shareProcessNamespace: boolean;
  /** One that ends by itself before the others start; only a simulation needs to be told. */
  initial?: boolean;
  /** Id of the container whose processes this one sees, as a debugger does. */
  processesOf?: string;
}

export interface ContainerState {
  id: string;
  name: string;
  attempt: number;
  state: 'created' | 'running' | 'exited' | 'unknown';
  /** ms since the epoch; 0 = not yet */
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  /** As the runtime says it, for example OOMKilled, Error, Completed. */
  reason: string;
  message: string;
  image: string;
  imageId: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface SandboxState {
  id: string;
  podUid: string;
  namespace: string;
  name: string;
  attempt: number;
  ready: boolean;
  ips: string[];
  createdAt: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  containers: ContainerState[];
}

export type RuntimeErrorCode = 'image-pull' | 'image-not-found' | 'invalid-image-name' | 'sandbox' | 'create' | 'start' | 'not-found' | 'unavailable' | 'exec';

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string) {
    super(message);
    this.name = 'RuntimeError';
    this.code = code;
  }
}

/** Shapes of proto/cri.proto as the gRPC loader gives them: enums are names, 64-bit integers numbers, absent messages null. */
export interface SandboxMetadata {
  name: string;
  uid: string;
  namespace: string;
  attempt: number;
}
export interface SandboxItem {
  id: string;
  metadata: SandboxMetadata | null;
  state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  /** ns since the epoch */
  created_at: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  runtime_handler: string;
}
export interface SandboxStatus extends SandboxItem {
  network: { ip: string; additional_ips: { ip: string }[] } | null;
}
export type ContainerStateName = 'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';
export interface ContainerItem {
  id: string;
  pod_sandbox_id: string;
  metadata: { name: string; attempt: number } | null;
  image: { image: string } | null;
  image_ref: string;
  state: ContainerStateName;
  created_at: number;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}
export interface ContainerStatusMessage extends Omit<ContainerItem, 'pod_sandbox_id'> {
  started_at: number;
  finished_at: number;
  exit_code: number;
  reason: string;
  message: string;
  log_path: string;
}
export interface ImageMessage {
  id: string;
  repo_tags: string[];
  repo_digests: string[];
  size: number;
  uid: { value: number } | null;
  username: string;
}
/** Requests are plain objects with the field names of the .proto file; what is left out has its default. */
export type Message = { readonly [field: string]: unknown };

interface ContainerId {
  container_id: string;
}
interface SandboxId {
  pod_sandbox_id: string;
}
type Empty = Record<string, never>;
type LabelFilter = { filter: { label_selector?: Record<string, string>; pod_sandbox_id?: string } };

/** Every call of CRI that is used: request and response. */
export interface CriCalls {
  Version: [Empty, { runtime_name: string; runtime_version: string }];
  Status: [Empty, { status: { conditions: { type: string; status: boolean; reason: string; message: string }[] } | null }];
  RunPodSandbox: [{ config: Message; runtime_handler: string }, SandboxId];
  StopPodSandbox: [SandboxId, Empty];
  RemovePodSandbox: [SandboxId, Empty];
  PodSandboxStatus: [SandboxId & { verbose: boolean }, { status: SandboxStatus | null; info: Record<string, string> }];
  ListPodSandbox: [LabelFilter, { items: SandboxItem[] }];
  CreateContainer: [SandboxId & { config: Message; sandbox_config: Message }, ContainerId];
  StartContainer: [ContainerId, Empty];
  StopContainer: [ContainerId & { timeout: number }, Empty];
  RemoveContainer: [ContainerId, Empty];
  ListContainers: [LabelFilter, { containers: ContainerItem[] }];
  ContainerStatus: [ContainerId & { verbose: boolean }, { status: ContainerStatusMessage | null; info: Record<string, string> }];
  UpdateContainerResources: [ContainerId & { linux: Message }, Empty];
  ReopenContainerLog: [ContainerId, Empty];
  ExecSync: [ContainerId & { cmd: readonly string[]; timeout: number }, { stdout: Buffer; stderr: Buffer; exit_code: number }];
  Exec: [ContainerId & { cmd: readonly string[]; tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }, { url: string }];
  Attach: [ContainerId & { tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean }, { url: string }];
  PortForward: [SandboxId & { port: readonly number[] }, { url: string }];
  ContainerStats: [
    ContainerId,
    { stats: { cpu: { usage_core_nano_seconds: { value: number } | null } | null; memory: { working_set_bytes: { value: number } | null } | null } | null },
  ];
  ListImages: [Empty, { images: ImageMessage[] }];
  ImageStatus: [{ image: { image: string } }, { image: ImageMessage | null }];
  PullImage: [{ image: { image: string }; auth?: { username: string; password: string } }, { image_ref: string }];
  RemoveImage: [{ image: { image: string } }, Empty];
}
export type CriMethod = keyof CriCalls;
export const imageMethods: ReadonlySet<CriMethod> = new Set<CriMethod>(['ListImages', 'ImageStatus', 'PullImage', 'RemoveImage']);

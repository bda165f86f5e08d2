import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** PodLogOptions. Times in ms since the epoch. */
export interface LogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  sinceTime?: number;
  tailLines?: number;
  limitBytes?: number;
}

export interface StreamTarget {
  namespace: string;
  name: string;
  uid: string;
  container: string;
}

export interface ExecOptions {
  command: readonly string[];
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** A request for what a node says of itself (nodes/NAME/proxy). */
export interface NodeHttpRequest {
  method: string;
  /** Without query, for example /stats/summary. */
  path: string;
  query: URLSearchParams;
  signal: AbortSignal;
}
export interface NodeHttpResponse {
  code: number;
  type: string;
  body: string | AsyncIterable<Uint8Array>;
}

/** What something uses: a counter of CPU, and the memory that cannot be taken from it. */
export interface Usage {
  /** Core seconds since `startedAt`. */
  readonly cpuSeconds: number;
  /** Working set, bytes. */
  readonly memoryBytes: number;
  /** When the counter began, ms since the epoch. */
  readonly startedAt: number;
}
export interface ContainerUsage extends Usage {
  readonly name: string;
  /** The runtime's id. */
  readonly id: string;
}
export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly containers: readonly ContainerUsage[];
  /** What the application says of itself, where no page of it can be read (simulation). */
  readonly metrics?: { readonly [name: string]: number };
}
/** One measurement of a node. */
export interface NodeUsage {
  /** ms since the epoch */
  readonly time: number;
  readonly node: Usage;
  readonly pods: readonly PodUsage[];
}
/** How a node's usage is learned: by measuring now, or, where usage is a function of time (simulation), for any moment. */
export interface UsageMeter {
  measure(): Promise<NodeUsage>;
  at?(time: number): NodeUsage;
  /** One pod of those that `at` gives. */
  podAt?(uid: string, time: number): PodUsage | undefined;
}

/** What the API server asks of the node a pod runs on (a kubelet's streaming endpoints). Rejects with ApiError. */
export interface NodeStreams {
  logs(target: StreamTarget, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Answers the upgrade (WebSocket v5/v4 or SPDY/3.1) on `socket` itself, and ends it. Rejects only before anything was written. */
  exec(target: StreamTarget, options: ExecOptions, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  attach(target: StreamTarget, options: Omit<ExecOptions, 'command'>, request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  portForward(target: Omit<StreamTarget, 'container'>, ports: readonly number[], request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void>;
  /** The kubelet's reading endpoints: /healthz, /pods, /containerLogs … Absent: the node says nothing of itself. */
  http?(request: NodeHttpRequest): Promise<NodeHttpResponse>;
  /** Absent: nobody measures. */
  readonly usage?: UsageMeter;
}

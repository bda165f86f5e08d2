import type { AutoscalerOptions, ClusterAutoscalerOptions, ZoneOptions } from '#controllers';
import type { AuthenticationOptions } from './authentication.ts';

/** What `up` was asked for. Undefined counts and directories are chosen by `up`. */
export interface UpOptions {
  dataDir?: string | undefined;
  name?: string | undefined;
  detach: boolean;
  wait: boolean;
  nodes?: number | undefined;
  simNodes?: number | undefined;
  /** File of node templates, whose groups are made at start. */
  simTemplate?: string | undefined;
  runtime: 'auto' | 'containerd' | 'sim';
  store: 'sqlite' | 'memory';
  kubePort: number;
  /** 0 takes any free port. */
  awsPort: number;
  /** Account of the AWS APIs: twelve digits. */
  account: string;
  /** Whether all AWS state may be deleted at once. */
  allowReset: boolean;
  /** Origins of pages of the web that may call the AWS APIs. */
  awsOrigins?: readonly string[] | undefined;
  /** Where events of the AWS services are posted. Undefined: nowhere. */
  eventWebhook?: string | undefined;
  /** 0 takes any free port. */
  registryPort: number;
  listen: string;
  logLevel: 'debug' | 'info' | 'warn' | 'error';
  json: boolean;
  /** Directory of image archives to import at start. */
  preload?: string | undefined;
  nodeGraceSeconds: number;
  /** How fast nodes that are gone are emptied. */
  zones?: ZoneOptions | undefined;
  /** What steers the cluster autoscaler. */
  clusterAutoscaler?: Omit<ClusterAutoscalerOptions, 'placement'> | undefined;
  /** How often annotated pods and Services are scraped for metrics. */
  scrapeSeconds?: number | undefined;
  /** What steers HorizontalPodAutoscalers. */
  autoscaler?: AutoscalerOptions | undefined;
  /** File of an audit Policy; with a log path and without a policy, metadata is written of everything. */
  auditPolicy?: string | undefined;
  /** Where audit events go: a file, or `-` for standard output. Undefined: nowhere. */
  auditLog?: string | undefined;
  /** The audit log is put away at this size, MB; 0 = never. */
  auditLogMaxSize: number;
  /** Audit logs that were put away and stay; 0 = all. */
  auditLogMaxBackup: number;
  /** Requests that may be in progress at the same time: reads and writes together. */
  maxRequestsInFlight: number;
  /** File of an EncryptionConfiguration; without one, Secrets are encrypted by a key of the data directory. */
  encryptionConfig?: string | undefined;
  /** File of a KubeSchedulerConfiguration: profiles, plugins and their arguments. */
  schedulerConfig?: string | undefined;
  authentication?: AuthenticationOptions | undefined;
  /** Every flag of `up` and its value, for /flagz. */
  flags?: { readonly [name: string]: string } | undefined;
}

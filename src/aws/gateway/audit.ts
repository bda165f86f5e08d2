/** One call, as it is written down. */
export interface AuditRecord {
  /** RFC 3339. */
  readonly time: string;
  readonly requestId: string;
  readonly service: string;
  readonly action: string;
  readonly region: string;
  readonly sourceIp: string;
  readonly userAgent: string;
  /** Who; '' when he could not prove it. */
  readonly arn: string;
  readonly accessKeyId: string;
  readonly resources: readonly string[];
  readonly status: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
}

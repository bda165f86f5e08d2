import { notImplemented } from './action.ts';
import { ObjectsError, type Bucket, type ObjectStore } from '#objects';

export interface Logging {
  readonly LoggingEnabled?: {
    readonly TargetBucket?: string | undefined;
    readonly TargetPrefix?: string | undefined;
    readonly TargetGrants?: readonly object[] | undefined;
    readonly TargetObjectKeyFormat?:
      | { readonly SimplePrefix?: object | undefined; readonly PartitionedPrefix?: { readonly PartitionDateSource?: string | undefined } | undefined }
      | undefined;
  };
}

/** Logs go to a bucket of the same owner and region. Without a target, logging is off. */
export function takeLogging({ LoggingEnabled }: Logging, { store, bucket }: { store: ObjectStore; bucket: Bucket }): Logging | undefined {
  if (!LoggingEnabled) return undefined;
  const target = store.buckets.find(LoggingEnabled.TargetBucket ?? '');
  const refuse = (why: string): ObjectsError => new ObjectsError('InvalidTargetBucketForLogging', why, { TargetBucket: LoggingEnabled.TargetBucket ?? '' });
  if (!target) throw refuse('The target bucket for logging does not exist');
  if (target.account !== bucket.account) throw refuse('The owner for the bucket to be logged and the target bucket must be the same.');
  if (target.region !== bucket.region) throw refuse('The target bucket for logging must be in the same region as the bucket that is logged.');
  return { LoggingEnabled: { ...LoggingEnabled, TargetPrefix: LoggingEnabled.TargetPrefix ?? '' } };
}

export interface Notifications {
  readonly TopicConfigurations?: readonly object[];
  readonly QueueConfigurations?: readonly object[];
  readonly LambdaFunctionConfigurations?: readonly object[];
  readonly EventBridgeConfiguration?: object;
}

/** Only the event bus can be told; there are no queues, topics and functions. */
export function takeNotifications(value: Notifications): Notifications | undefined {
  const { TopicConfigurations = [], QueueConfigurations = [], LambdaFunctionConfigurations = [], EventBridgeConfiguration } = value;
  for (const [what, list] of Object.entries({
    'SNS topics': TopicConfigurations,
    'SQS queues': QueueConfigurations,
    'Lambda functions': LambdaFunctionConfigurations,
  }))
    if (list.length > 0) throw notImplemented(`Delivery of events to ${what}`);
  return EventBridgeConfiguration ? { EventBridgeConfiguration } : undefined;
}

import type { AssumeRootRequest, AssumeRootResponse } from '@aws-sdk/client-sts';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';

const rootArn = ({ TargetPrincipal = '' }: AssumeRootRequest, call: Call): string =>
  TargetPrincipal.startsWith('arn:') ? TargetPrincipal : `arn:${call.partition}:iam::${TargetPrincipal}:root`;

/** Only the management account of an organization may do this, and no account here is one. */
export const AssumeRoot = defineAction<AssumeRootRequest, AssumeRootResponse>({
  permissions: (input, call) => [{ action: 'sts:AssumeRoot', resource: rootArn(input, call), resourceAccount: call.account }],
  handle(input, call) {
    const what = `User: ${call.caller.arn} is not authorized to perform: sts:AssumeRoot on resource: ${rootArn(input, call)}`;
    throw new AwsError('AccessDenied', what, { status: 403 });
  },
});

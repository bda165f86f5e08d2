import type { GetCallerIdentityRequest, GetCallerIdentityResponse } from '@aws-sdk/client-sts';
import { defineAction } from '../../gateway/service.ts';

/** Needs no permission, and no policy can take it away. */
export const GetCallerIdentity = defineAction<GetCallerIdentityRequest, GetCallerIdentityResponse>({
  permissions: () => [],
  handle: (_input, { caller }) => ({ UserId: caller.userId, Account: caller.account, Arn: caller.arn }),
});

import type * as Iam from '@aws-sdk/client-iam';
import { IAMAccessKey, type IamAccessKeySpec } from '#kinds';
import { defineAction } from '../../gateway/service.ts';
import { newAccessKeyId, newSecret } from '../../iam/keys.ts';
import { lastUse } from '../../iam/use-log.ts';
import { change, date, getUser, iamArn, limit, noSuch, now, paginate, place } from './support.ts';
import { credentialActions } from './user-credentials.ts';
import { callerName, keys, keysOf, userResource } from './users.ts';

const most = 2;
const noKey = (id: string) => noSuch(`The Access Key with id ${id} cannot be found.`);

export const accessKeyActions = {
  CreateAccessKey: defineAction<Iam.CreateAccessKeyRequest, Iam.CreateAccessKeyResponse>({
    resources: userResource,
    handle: ({ UserName }, call) =>
      change(call, async () => {
        const { userName } = getUser(call, callerName(call, UserName));
        if (keysOf(call, userName).length >= most) throw limit(`Cannot exceed quota for AccessKeysPerUser: ${most}`);
        const accessKeyId = newAccessKeyId('AKIA', call.account);
        const secret = newSecret();
        const key: IamAccessKeySpec = { accessKeyId, userName, sealedSecret: call.secrets.seal(secret), status: 'Active', createDate: now(call) };
        await keys(call).create(place(call), accessKeyId, key);
        return { AccessKey: { UserName: userName, AccessKeyId: accessKeyId, Status: 'Active', SecretAccessKey: secret, CreateDate: date(key.createDate) } };
      }),
  }),
  ListAccessKeys: defineAction<Iam.ListAccessKeysRequest, Iam.ListAccessKeysResponse>({
    resources: userResource,
    handle({ UserName, ...input }, call) {
      // The root user's key is no object.
      if (UserName === undefined && call.caller.type === 'root') return { AccessKeyMetadata: [], IsTruncated: false };
      const { userName } = getUser(call, callerName(call, UserName));
      const { page, ...rest } = paginate(keysOf(call, userName), input);
      return {
        AccessKeyMetadata: page.map((key) => ({ UserName: userName, AccessKeyId: key.accessKeyId, Status: key.status, CreateDate: date(key.createDate) })),
        ...rest,
      };
    },
  }),
  ...credentialActions({ kind: IAMAccessKey, name: 'AccessKey', key: 'AccessKeyId', missing: noKey }),
  GetAccessKeyLastUsed: defineAction<Iam.GetAccessKeyLastUsedRequest, Iam.GetAccessKeyLastUsedResponse>({
    resources: (_input, call) => [iamArn(call, 'user/*')],
    handle({ AccessKeyId = '' }, call) {
      const key = keys(call).get(place(call), AccessKeyId);
      if (!key) throw noKey(AccessKeyId);
      const used = lastUse(call.useOf(call.account, AccessKeyId));
      return {
        UserName: key.userName,
        AccessKeyLastUsed: used
          ? { LastUsedDate: date(used.date), ServiceName: used.service, Region: used.region }
          : { ServiceName: 'N/A', Region: 'N/A', LastUsedDate: undefined },
      };
    },
  }),
};

import type * as Iam from '@aws-sdk/client-iam';
import type { IamAccessKeySpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { newAccessKeyId, newSecret } from '../../iam/keys.ts';
import { change, date, getUser, iamArn, limit, noSuch, now, paginate, place } from './support.ts';
import { callerName, keys, keysOf, userResource } from './users.ts';

const most = 2;
const noKey = (id: string) => noSuch(`The Access Key with id ${id} cannot be found.`);
/** The key, when it is that user's. */
function getKey(call: Call, id: string, userName: string): IamAccessKeySpec {
  const key = keys(call).get(place(call), id);
  if (!key || key.userName !== getUser(call, userName).userName) throw noKey(id);
  return key;
}

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
  UpdateAccessKey: defineAction<Iam.UpdateAccessKeyRequest, void>({
    resources: userResource,
    async handle({ UserName, AccessKeyId = '', Status }, call) {
      getKey(call, AccessKeyId, callerName(call, UserName));
      await keys(call).update(place(call), AccessKeyId, (key) => ({ ...key, status: Status === 'Active' ? 'Active' : 'Inactive' }));
    },
  }),
  DeleteAccessKey: defineAction<Iam.DeleteAccessKeyRequest, void>({
    resources: userResource,
    async handle({ UserName, AccessKeyId = '' }, call) {
      getKey(call, AccessKeyId, callerName(call, UserName));
      if (!(await keys(call).delete(place(call), AccessKeyId))) throw noKey(AccessKeyId);
    },
  }),
  GetAccessKeyLastUsed: defineAction<Iam.GetAccessKeyLastUsedRequest, Iam.GetAccessKeyLastUsedResponse>({
    resources: (_input, call) => [iamArn(call, 'user/*')],
    handle({ AccessKeyId = '' }, call) {
      const key = keys(call).get(place(call), AccessKeyId);
      if (!key) throw noKey(AccessKeyId);
      const used = call.keyUse(AccessKeyId);
      return {
        UserName: key.userName,
        AccessKeyLastUsed: used
          ? { LastUsedDate: new Date(used.time), ServiceName: used.service, Region: used.region }
          : { ServiceName: 'N/A', Region: 'N/A', LastUsedDate: undefined },
      };
    },
  }),
};

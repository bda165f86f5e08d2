import type * as Iam from '@aws-sdk/client-iam';
import { IAMSSHPublicKey, type IamSshPublicKeySpec } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import { ownedBy } from './owned.ts';
import { pemForm, readSshKey, sshFingerprint, sshForm } from './ssh-key.ts';
import { change, date, getUser, limit, noSuch, now, paginate, place } from './support.ts';
import { credentialActions, getCredential } from './user-credentials.ts';
import { callerName, userResource } from './users.ts';

/** Keys of a user. */
const most = 5;
const sort = {
  kind: IAMSSHPublicKey,
  name: 'SSHPublicKey',
  key: 'SSHPublicKeyId',
  missing: (id: string) => noSuch(`The Public Key with id ${id} cannot be found.`),
};
const keyOf = ({ userName, id, body, status, uploadDate }: IamSshPublicKeySpec, encoding: 'SSH' | 'PEM'): Iam.SSHPublicKey => {
  const key = readSshKey(body);
  return {
    UserName: userName,
    SSHPublicKeyId: id,
    Fingerprint: sshFingerprint(key),
    SSHPublicKeyBody: encoding === 'PEM' ? pemForm(key) : body,
    Status: status,
    UploadDate: date(uploadDate),
  };
};

/** Public keys that users show to CodeCommit. */
export const sshPublicKeyActions = {
  UploadSSHPublicKey: defineAction<Iam.UploadSSHPublicKeyRequest, Iam.UploadSSHPublicKeyResponse>({
    resources: userResource,
    handle: ({ UserName = '', SSHPublicKeyBody = '' }, call) =>
      change(call, async () => {
        const { userName } = getUser(call, UserName);
        const body = sshForm(readSshKey(SSHPublicKeyBody));
        const has = ownedBy(call, IAMSSHPublicKey, userName);
        if (has.some((one) => one.body === body)) {
          throw new AwsError('DuplicateSSHPublicKey', 'The SSH public key is already associated with the specified IAM user.');
        }
        if (has.length >= most) throw limit(`Cannot exceed quota for SSHPublicKeysPerUser: ${most}`);
        const key: IamSshPublicKeySpec = { id: newUniqueId('APKA'), userName, status: 'Active', uploadDate: now(call), body };
        await call.state.table(IAMSSHPublicKey).create(place(call), key.id, key);
        return { SSHPublicKey: keyOf(key, 'SSH') };
      }),
  }),
  GetSSHPublicKey: defineAction<Iam.GetSSHPublicKeyRequest, Iam.GetSSHPublicKeyResponse>({
    resources: userResource,
    handle: ({ UserName, SSHPublicKeyId = '', Encoding }, call) => ({
      SSHPublicKey: keyOf(getCredential(call, sort, UserName, SSHPublicKeyId), Encoding === 'PEM' ? 'PEM' : 'SSH'),
    }),
  }),
  ListSSHPublicKeys: defineAction<Iam.ListSSHPublicKeysRequest, Iam.ListSSHPublicKeysResponse>({
    resources: userResource,
    handle({ UserName, ...input }, call) {
      const { page, ...rest } = paginate(ownedBy(call, IAMSSHPublicKey, getUser(call, callerName(call, UserName)).userName), input);
      return {
        SSHPublicKeys: page.map(({ userName, id, status, uploadDate }) => ({
          UserName: userName,
          SSHPublicKeyId: id,
          Status: status,
          UploadDate: date(uploadDate),
        })),
        ...rest,
      };
    },
  }),
  ...credentialActions(sort),
};

import { randomBytes } from 'node:crypto';
import type * as Iam from '@aws-sdk/client-iam';
import { formatTime } from '#base';
import { IAMServiceCredential, type IamServiceCredentialSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import { ownedBy } from './owned.ts';
import { change, date, getUser, limit, noSuch, now, paginate, place } from './support.ts';
import { credentialActions, updateCredential } from './user-credentials.ts';
import { callerName, userResource } from './users.ts';

/** Services that take such credentials: a password, or an API key that may end. */
const forms: Readonly<Record<string, 'password' | 'key'>> = {
  'codecommit.amazonaws.com': 'password',
  'cassandra.amazonaws.com': 'password',
  'bedrock.amazonaws.com': 'key',
  'logs.amazonaws.com': 'key',
};
/** Credentials of a user for one service. */
const most = 2;
const dayMs = 24 * 60 * 60 * 1000;
const sort = {
  kind: IAMServiceCredential,
  name: 'ServiceSpecificCredential',
  key: 'ServiceSpecificCredentialId',
  missing: (id: string) => noSuch(`No such credential ${id} exists`),
};
const formOf = (service: string): 'password' | 'key' | undefined => (Object.hasOwn(forms, service) ? forms[service] : undefined);

function metadataOf(one: IamServiceCredentialSpec, call: Call): Iam.ServiceSpecificCredentialMetadata {
  const over = one.expirationDate !== undefined && date(one.expirationDate).getTime() <= call.clock.now();
  return {
    UserName: one.userName,
    Status: over ? 'Expired' : one.status,
    ...(formOf(one.serviceName) === 'key' ? { ServiceCredentialAlias: one.serviceUserName } : { ServiceUserName: one.serviceUserName }),
    CreateDate: date(one.createDate),
    ...(one.expirationDate === undefined ? {} : { ExpirationDate: date(one.expirationDate) }),
    ServiceSpecificCredentialId: one.id,
    ServiceName: one.serviceName,
  };
}
/** With the secret, which is shown only once. */
const withSecret = (one: IamServiceCredentialSpec, secret: string, call: Call): Iam.ServiceSpecificCredential => ({
  ...metadataOf(one, call),
  ...(formOf(one.serviceName) === 'key' ? { ServiceCredentialSecret: secret } : { ServicePassword: secret }),
});
/** API keys begin with a mark by which scanners of sources find them. */
const newSecret = (service: string): string => `${service.startsWith('bedrock') ? 'ABSK' : ''}${randomBytes(32).toString('base64')}`;

export const serviceCredentialActions = {
  CreateServiceSpecificCredential: defineAction<Iam.CreateServiceSpecificCredentialRequest, Iam.CreateServiceSpecificCredentialResponse>({
    resources: userResource,
    conditions: ({ ServiceName, CredentialAgeDays }) => ({
      'iam:ServiceSpecificCredentialServiceName': ServiceName,
      'iam:ServiceSpecificCredentialAgeDays': CredentialAgeDays === undefined ? undefined : String(CredentialAgeDays),
    }),
    handle: ({ UserName = '', ServiceName = '', CredentialAgeDays }, call) =>
      change(call, async () => {
        const { userName } = getUser(call, UserName);
        const form = formOf(ServiceName);
        if (form === undefined) throw new AwsError('NotSupportedService', `This service does not support service-specific credentials: ${ServiceName}`);
        if (CredentialAgeDays !== undefined && form === 'password') throw new AwsError('InvalidInput', `Credentials for ${ServiceName} do not expire.`);
        const has = ownedBy(call, IAMServiceCredential, userName).filter((one) => one.serviceName === ServiceName);
        if (has.length >= most) throw limit(`Cannot exceed quota for ServiceSpecificCredentialsPerUser: ${most}`);
        const secret = newSecret(ServiceName);
        const plain = `${userName}-at-${call.account}`;
        const made: IamServiceCredentialSpec = {
          id: newUniqueId('ACCA'),
          userName,
          serviceName: ServiceName,
          serviceUserName: has.some((one) => one.serviceUserName === plain) ? `${userName}+1-at-${call.account}` : plain,
          sealedPassword: call.secrets.seal(secret),
          status: 'Active',
          createDate: now(call),
          ...(CredentialAgeDays === undefined ? {} : { expirationDate: formatTime(call.clock.now() + CredentialAgeDays * dayMs) }),
        };
        await call.state.table(IAMServiceCredential).create(place(call), made.id, made);
        return { ServiceSpecificCredential: withSecret(made, secret, call) };
      }),
  }),
  ResetServiceSpecificCredential: defineAction<Iam.ResetServiceSpecificCredentialRequest, Iam.ResetServiceSpecificCredentialResponse>({
    resources: userResource,
    async handle({ UserName, ServiceSpecificCredentialId }, call) {
      let secret = '';
      const updated = await updateCredential(call, sort, { UserName, ServiceSpecificCredentialId }, (one) => {
        secret = newSecret(one.serviceName);
        return { ...one, sealedPassword: call.secrets.seal(secret) };
      });
      return { ServiceSpecificCredential: withSecret(updated, secret, call) };
    },
  }),
  ListServiceSpecificCredentials: defineAction<Iam.ListServiceSpecificCredentialsRequest, Iam.ListServiceSpecificCredentialsResponse>({
    resources: ({ AllUsers, UserName }, call) => (AllUsers ? ['*'] : userResource({ UserName }, call)),
    handle({ UserName, ServiceName, AllUsers, ...input }, call) {
      if (AllUsers && UserName !== undefined) throw new AwsError('InvalidInput', 'UserName must not be given together with AllUsers.');
      const all = AllUsers
        ? call.state.table(IAMServiceCredential).list(place(call))
        : ownedBy(call, IAMServiceCredential, getUser(call, callerName(call, UserName)).userName);
      const { page, ...rest } = paginate(
        all.filter((one) => ServiceName === undefined || one.serviceName === ServiceName),
        input,
      );
      return { ServiceSpecificCredentials: page.map((one) => metadataOf(one, call)), ...rest };
    },
  }),
  ...credentialActions(sort),
};

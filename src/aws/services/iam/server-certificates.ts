import type * as Iam from '@aws-sdk/client-iam';
import { formatTime } from '#base';
import { IAMServerCertificate, type IamServerCertificateSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { defineAction } from '../../gateway/service.ts';
import { newUniqueId } from '../../iam/keys.ts';
import { checkChain, readCertificate, readPrivateKey } from './certificate.ts';
import {
  change,
  checkName,
  checkPath,
  date,
  exists,
  iamArn,
  iamId,
  limit,
  noSuch,
  now,
  paginate,
  pathArn,
  place,
  readTags,
  requestTags,
  resourceTags,
  underPath,
  writeTags,
} from './support.ts';
import { tagActions } from './tags.ts';

/** Certificates of an account. */
const most = 20;
const table = (call: Call) => call.state.table(IAMServerCertificate);
const find = (call: Call, name: string) => table(call).get(place(call), iamId(name));
const missing = (name: string) => noSuch(`The Server Certificate with name ${name} cannot be found.`);
function get(call: Call, name: string): IamServerCertificateSpec {
  const found = find(call, name);
  if (!found) throw missing(name);
  return found;
}
type Named = { ServerCertificateName?: string | undefined };
const arn = (call: Call, name: string): string => find(call, name)?.arn ?? iamArn(call, `server-certificate/${name}`);
const resource = ({ ServerCertificateName = '' }: Named, call: Call): string[] => [arn(call, ServerCertificateName)];
const own = ({ ServerCertificateName = '' }: Named, call: Call) => resourceTags(find(call, ServerCertificateName)?.tags);
const metadataOf = (one: IamServerCertificateSpec): Iam.ServerCertificateMetadata => ({
  Path: one.path,
  ServerCertificateName: one.name,
  ServerCertificateId: one.id,
  Arn: one.arn,
  UploadDate: date(one.uploadDate),
  Expiration: date(one.expiration),
});
const taken = (name: string) => exists(`The Server Certificate with name ${name} already exists.`);

export const serverCertificateActions = {
  UploadServerCertificate: defineAction<Iam.UploadServerCertificateRequest, Iam.UploadServerCertificateResponse>({
    resources: ({ ServerCertificateName = '', Path }, call) => [pathArn(call, 'server-certificate', Path, ServerCertificateName)],
    conditions: ({ Tags }) => requestTags(Tags),
    handle: ({ ServerCertificateName: name = '', Path, CertificateBody = '', PrivateKey = '', CertificateChain, Tags }, call) =>
      change(call, async () => {
        checkName('serverCertificateName', name, 128);
        const path = checkPath(Path);
        const certificate = readCertificate(CertificateBody);
        readPrivateKey(PrivateKey, certificate);
        if (CertificateChain !== undefined) checkChain(certificate, CertificateChain);
        if (find(call, name)) throw taken(name);
        if (table(call).list(place(call)).length >= most) throw limit(`Cannot exceed quota for ServerCertificatesPerAccount: ${most}`);
        const kept: IamServerCertificateSpec = {
          name,
          id: newUniqueId('ASCA'),
          arn: pathArn(call, 'server-certificate', path, name),
          path,
          uploadDate: now(call),
          expiration: formatTime(certificate.validToDate.getTime()),
          body: CertificateBody,
          ...(CertificateChain === undefined ? {} : { chain: CertificateChain }),
          sealedPrivateKey: call.secrets.seal(PrivateKey),
          tags: readTags(Tags),
        };
        if (!(await table(call).create(place(call), iamId(name), kept))) throw taken(name);
        return { ServerCertificateMetadata: metadataOf(kept), ...(kept.tags.length > 0 ? { Tags: writeTags(kept.tags) } : {}) };
      }),
  }),
  GetServerCertificate: defineAction<Iam.GetServerCertificateRequest, Iam.GetServerCertificateResponse>({
    resources: resource,
    conditions: own,
    handle({ ServerCertificateName = '' }, call) {
      const found = get(call, ServerCertificateName);
      return {
        ServerCertificate: {
          ServerCertificateMetadata: metadataOf(found),
          CertificateBody: found.body,
          ...(found.chain === undefined ? {} : { CertificateChain: found.chain }),
          ...(found.tags.length > 0 ? { Tags: writeTags(found.tags) } : {}),
        },
      };
    },
  }),
  ListServerCertificates: defineAction<Iam.ListServerCertificatesRequest, Iam.ListServerCertificatesResponse>({
    resources: ({ PathPrefix }, call) => [iamArn(call, `server-certificate${PathPrefix ?? '/'}`)],
    handle({ PathPrefix, ...input }, call) {
      const { page, ...rest } = paginate(underPath(table(call).list(place(call)), PathPrefix), input);
      return { ServerCertificateMetadataList: page.map(metadataOf), ...rest };
    },
  }),
  UpdateServerCertificate: defineAction<Iam.UpdateServerCertificateRequest, void>({
    resources: ({ ServerCertificateName = '', NewServerCertificateName, NewPath }, call) => [
      arn(call, ServerCertificateName),
      ...(NewServerCertificateName === undefined
        ? []
        : [pathArn(call, 'server-certificate', NewPath ?? find(call, ServerCertificateName)?.path, NewServerCertificateName)]),
    ],
    handle: ({ ServerCertificateName = '', NewPath, NewServerCertificateName }, call) =>
      change(call, async () => {
        const old = get(call, ServerCertificateName);
        const name = NewServerCertificateName ?? old.name;
        checkName('newServerCertificateName', name, 128);
        const path = NewPath === undefined ? old.path : checkPath(NewPath);
        const next = { ...old, name, path, arn: pathArn(call, 'server-certificate', path, name) };
        if (iamId(name) === iamId(old.name)) return void (await table(call).update(place(call), iamId(name), () => next));
        if (!(await table(call).create(place(call), iamId(name), next))) throw taken(name);
        await table(call).delete(place(call), iamId(old.name));
      }),
  }),
  DeleteServerCertificate: defineAction<Iam.DeleteServerCertificateRequest, void>({
    resources: resource,
    conditions: own,
    async handle({ ServerCertificateName = '' }, call) {
      if (!(await table(call).delete(place(call), iamId(ServerCertificateName)))) throw missing(ServerCertificateName);
    },
  }),
  ...tagActions({
    name: 'ServerCertificate',
    key: 'ServerCertificateName',
    resource: arn,
    find,
    get,
    retag: async (call, name, next) => {
      if (!(await table(call).update(place(call), iamId(name), (one) => ({ ...one, tags: next(one.tags) })))) throw missing(name);
    },
  }),
};

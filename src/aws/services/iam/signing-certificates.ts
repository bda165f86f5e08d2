import { randomBytes } from 'node:crypto';
import type * as Iam from '@aws-sdk/client-iam';
import { IAMSigningCertificate, type IamSigningCertificateSpec } from '#kinds';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { base32 } from '../../iam/keys.ts';
import { readCertificate } from './certificate.ts';
import { ownedBy } from './owned.ts';
import { change, date, getUser, limit, noSuch, now, paginate, place } from './support.ts';
import { credentialActions } from './user-credentials.ts';
import { callerName, userResource } from './users.ts';

/** Certificates of a user. */
const most = 2;
const certificateOf = ({ userName, id, body, status, uploadDate }: IamSigningCertificateSpec): Iam.SigningCertificate => ({
  UserName: userName,
  CertificateId: id,
  CertificateBody: body,
  Status: status,
  UploadDate: date(uploadDate),
});

/** Certificates that users sign requests of SOAP with. They are kept: no service here speaks SOAP. */
export const signingCertificateActions = {
  UploadSigningCertificate: defineAction<Iam.UploadSigningCertificateRequest, Iam.UploadSigningCertificateResponse>({
    resources: userResource,
    handle: ({ UserName, CertificateBody = '' }, call) =>
      change(call, async () => {
        const { userName } = getUser(call, callerName(call, UserName));
        const certificate = readCertificate(CertificateBody);
        if (certificate.validToDate.getTime() <= call.clock.now()) throw new AwsError('InvalidCertificate', 'The certificate has expired.');
        const fingerprint = certificate.fingerprint256;
        if (
          call.state
            .table(IAMSigningCertificate)
            .list(place(call))
            .some((known) => known.fingerprint === fingerprint)
        ) {
          throw new AwsError('DuplicateCertificate', 'The certificate is already associated with an IAM user in the account.');
        }
        if (ownedBy(call, IAMSigningCertificate, userName).length >= most) throw limit(`Cannot exceed quota for SigningCertificatesPerUser: ${most}`);
        const id = base32(randomBytes(20));
        const kept: IamSigningCertificateSpec = { id, userName, status: 'Active', uploadDate: now(call), body: CertificateBody, fingerprint };
        await call.state.table(IAMSigningCertificate).create(place(call), id, kept);
        return { Certificate: certificateOf(kept) };
      }),
  }),
  ListSigningCertificates: defineAction<Iam.ListSigningCertificatesRequest, Iam.ListSigningCertificatesResponse>({
    resources: userResource,
    handle({ UserName, ...input }, call) {
      if (UserName === undefined && call.caller.type === 'root') return { Certificates: [], IsTruncated: false };
      const { page, ...rest } = paginate(ownedBy(call, IAMSigningCertificate, getUser(call, callerName(call, UserName)).userName), input);
      return { Certificates: page.map(certificateOf), ...rest };
    },
  }),
  ...credentialActions({
    kind: IAMSigningCertificate,
    name: 'SigningCertificate',
    key: 'CertificateId',
    missing: (id) => noSuch(`The Certificate with id ${id} cannot be found.`),
  }),
};

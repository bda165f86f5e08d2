import type * as Iam from '@aws-sdk/client-iam';
import { IAMReport, IAMSigningCertificate, type IamAccessKeySpec, type IamSigningCertificateSpec, type IamUserSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { lastUse } from '../../iam/use-log.ts';
import { ownedBy } from './owned.ts';
import { mfaDevicesOf } from './mfa-devices.ts';
import { passwordEnd } from './password-policy.ts';
import { date, iamArn, now, place, users } from './support.ts';
import { keysOf } from './users.ts';

/** A report is as good as new for this long, ms. */
const fresh = 4 * 60 * 60 * 1000;
const id = 'credentials';
/** RFC 3339, as the report writes it. */
const time = (text: string | undefined): string => (text === undefined ? 'N/A' : text.replace('Z', '+00:00'));

const columns =
  'user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,' +
  'access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,' +
  'access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,' +
  'cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated';

function keyCells(call: Call, key: Pick<IamAccessKeySpec, 'accessKeyId' | 'status'> | undefined, rotated: string | undefined): string[] {
  const used = key && lastUse(call.useOf(call.account, key.accessKeyId));
  return [String(key?.status === 'Active'), time(rotated), time(used?.date), used?.region ?? 'N/A', used?.service ?? 'N/A'];
}
const certificateCells = (one: IamSigningCertificateSpec | undefined): string[] => [String(one?.status === 'Active'), time(one?.uploadDate)];

function rootRow(call: Call): string[] {
  const key = { accessKeyId: 'test', status: 'Active' } as const;
  const none = certificateCells(undefined);
  const head = ['<root_account>', iamArn(call, 'root'), time(undefined), 'not_supported', 'not_supported', 'not_supported', 'not_supported', 'false'];
  return [...head, ...keyCells(call, key, undefined), ...keyCells(call, undefined, undefined), ...none, ...none];
}
function userRow(call: Call, user: IamUserSpec): string[] {
  const { login } = user;
  const [first, second] = keysOf(call, user.userName);
  const [one, two] = ownedBy(call, IAMSigningCertificate, user.userName).toSorted((a, b) => (a.uploadDate < b.uploadDate ? -1 : 1));
  const password = login
    ? ['true', user.passwordLastUsed === undefined ? 'no_information' : time(user.passwordLastUsed), time(login.changed ?? login.createDate)]
    : ['false', 'N/A', 'N/A'];
  return [
    user.userName,
    user.arn,
    time(user.createDate),
    ...password,
    time(passwordEnd(call, user)?.toISOString().replace('.000Z', 'Z')),
    String(mfaDevicesOf(call, user.userName).length > 0),
    ...keyCells(call, first, first?.createDate),
    ...keyCells(call, second, second?.createDate),
    ...certificateCells(one),
    ...certificateCells(two),
  ];
}
/** The report (IAM user guide, credential reports). */
const reportOf = (call: Call): string =>
  [
    columns,
    ...[
      rootRow(call),
      ...users(call)
        .list(place(call))
        .map((user) => userRow(call, user)),
    ].map((row) => row.map(cell).join(',')),
  ].join('\n');
const cell = (text: string): string => (text.includes(',') ? `"${text}"` : text);

export const credentialReportActions = {
  GenerateCredentialReport: defineAction<Record<string, never>, Iam.GenerateCredentialReportResponse>({
    async handle(_input, call) {
      const reports = call.state.table(IAMReport);
      const last = reports.get(place(call), id);
      if (last && call.clock.now() - date(last.created).getTime() < fresh) return { State: 'COMPLETE' };
      await reports.put(place(call), id, () => ({ id, sort: 'credentials', created: now(call), content: reportOf(call) }));
      return {
        State: 'STARTED',
        Description: last
          ? 'The report is older than 4 hours. Starting a new report generation task'
          : 'No report exists. Starting a new report generation task',
      };
    },
  }),
  GetCredentialReport: defineAction<Record<string, never>, Iam.GetCredentialReportResponse>({
    handle(_input, call) {
      const last = call.state.table(IAMReport).get(place(call), id);
      if (!last) throw new AwsError('ReportNotPresent', 'No report exists. Call GenerateCredentialReport to generate one.');
      if (call.clock.now() - date(last.created).getTime() >= fresh) {
        throw new AwsError('ReportExpired', 'The most recent credential report has expired. Call GenerateCredentialReport to generate a new one.');
      }
      return { Content: Buffer.from(last.content), ReportFormat: 'text/csv', GeneratedTime: date(last.created) };
    },
  }),
};

import { randomBytes } from 'node:crypto';
import type * as Iam from '@aws-sdk/client-iam';
import { IAMAccount, IAMMFADevice, type IamMfaDeviceSpec } from '#kinds';
import type { Call } from '../../gateway/call.ts';
import { AwsError } from '../../gateway/errors.ts';
import { defineAction } from '../../gateway/service.ts';
import { base32 } from '../../iam/keys.ts';
import { mfaId, seedOf } from '../../iam/mfa.ts';
import { findSteps, stepAt } from '../../iam/totp.ts';
import {
  change,
  checkName,
  checkPath,
  conflict,
  date,
  exists,
  getUser,
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
  users,
  writeTags,
} from './support.ts';
import { ownedBy } from './owned.ts';
import { tagActions } from './tags.ts';
import { callerName, userOf, userResource } from './users.ts';

/** Devices of a user. */
const most = 8;
/** Steps to each side in which a device is looked for when it is enabled, and when it went wrong. */
const [near, far] = [3, 60];

const devices = (call: Call) => call.state.table(IAMMFADevice);
const find = (call: Call, serial: string): IamMfaDeviceSpec | undefined => {
  const found = devices(call).get(place(call), mfaId(serial));
  return found?.serialNumber === serial ? found : undefined;
};
const missing = (serial: string) => noSuch(`VirtualMFADevice with serial number ${serial} doesn't exist.`);
function get(call: Call, serial: string): IamMfaDeviceSpec {
  const found = find(call, serial);
  if (!found) throw missing(serial);
  return found;
}
export const mfaDevicesOf = (call: Call, userName: string): IamMfaDeviceSpec[] => ownedBy(call, IAMMFADevice, userName);

async function modify(call: Call, serial: string, next: (device: IamMfaDeviceSpec) => IamMfaDeviceSpec): Promise<void> {
  get(call, serial);
  if (!(await devices(call).update(place(call), mfaId(serial), next))) throw missing(serial);
}
/** A device in the hands of that user. */
function held(call: Call, serial: string, userName: string): IamMfaDeviceSpec {
  const user = getUser(call, userName);
  const found = get(call, serial);
  if (found.userName !== user.userName) throw noSuch('MFA device invalid for user.');
  return found;
}

type Serial = { SerialNumber?: string | undefined };
const deviceResource = ({ SerialNumber = '' }: Serial): string[] => [SerialNumber];
const own = ({ SerialNumber = '' }: Serial, call: Call) => resourceTags(find(call, SerialNumber)?.tags);

/** The step that two codes in a row begin at. Throws AwsError. */
function prove(
  call: Call,
  device: IamMfaDeviceSpec,
  { AuthenticationCode1 = '', AuthenticationCode2 = '' }: Codes,
  window: number,
): Pick<IamMfaDeviceSpec, 'drift' | 'lastStep'> {
  const at = stepAt(call.clock.now());
  const step = findSteps(seedOf(device, call), [AuthenticationCode1, AuthenticationCode2], at, window, device.lastStep);
  if (step === undefined) throw new AwsError('InvalidAuthenticationCode', 'Authentication code for device is not valid.');
  return { drift: step + 1 - at, lastStep: step + 1 };
}
type Codes = { AuthenticationCode1?: string | undefined; AuthenticationCode2?: string | undefined };

/** What a telephone reads from the code (IAM API reference, VirtualMFADevice). */
function enrolment(call: Call, name: string, secret: string): string {
  const account = call.state.table(IAMAccount).get(place(call), 'account')?.alias ?? call.account;
  return `otpauth://totp/${encodeURIComponent(`${name}@${account}`)}?secret=${secret}&issuer=Amazon%20Web%20Services`;
}

export const mfaDeviceActions = {
  CreateVirtualMFADevice: defineAction<Iam.CreateVirtualMFADeviceRequest, Iam.CreateVirtualMFADeviceResponse>({
    resources: ({ VirtualMFADeviceName = '', Path }, call) => [pathArn(call, 'mfa', Path, VirtualMFADeviceName)],
    conditions: ({ Tags }) => requestTags(Tags),
    async handle({ VirtualMFADeviceName = '', Path, Tags }, call) {
      checkName('virtualMFADeviceName', VirtualMFADeviceName, 226);
      const path = checkPath(Path);
      const { qrPng } = await import('./qr.ts'); // few calls of IAM draw a picture
      const seed = randomBytes(40);
      const device: IamMfaDeviceSpec = {
        serialNumber: pathArn(call, 'mfa', path, VirtualMFADeviceName),
        name: VirtualMFADeviceName,
        path,
        sealedSeed: call.secrets.seal(seed.toString('base64')),
        tags: readTags(Tags),
        drift: 0,
        lastStep: 0,
      };
      if (!(await devices(call).create(place(call), mfaId(device.serialNumber), device))) {
        throw exists('MFADevice entity at the same path and name already exists.');
      }
      const secret = base32(seed);
      return {
        VirtualMFADevice: {
          SerialNumber: device.serialNumber,
          Base32StringSeed: Buffer.from(secret),
          QRCodePNG: qrPng(enrolment(call, device.name, secret)),
          ...(device.tags.length > 0 ? { Tags: writeTags(device.tags) } : {}),
        },
      };
    },
  }),
  DeleteVirtualMFADevice: defineAction<Iam.DeleteVirtualMFADeviceRequest, void>({
    resources: deviceResource,
    conditions: own,
    async handle({ SerialNumber = '' }, call) {
      get(call, SerialNumber);
      const gone = await devices(call).delete(place(call), mfaId(SerialNumber), ({ userName }) => {
        if (userName !== undefined) throw conflict('MFA VirtualDevice in use. Must deactivate first.');
      });
      if (!gone) throw missing(SerialNumber);
    },
  }),
  EnableMFADevice: defineAction<Iam.EnableMFADeviceRequest, void>({
    resources: userResource,
    handle: ({ UserName = '', SerialNumber = '', ...codes }, call) =>
      change(call, async () => {
        const { userName } = getUser(call, UserName);
        get(call, SerialNumber);
        if (mfaDevicesOf(call, userName).length >= most) throw limit(`Cannot exceed quota for MFADevicesPerUser: ${most}`);
        await modify(call, SerialNumber, (device) => {
          if (device.userName !== undefined) throw exists('MFA Device is already in use.');
          return { ...device, ...prove(call, device, codes, near), userName, enableDate: now(call) };
        });
      }),
  }),
  ResyncMFADevice: defineAction<Iam.ResyncMFADeviceRequest, void>({
    resources: userResource,
    async handle({ UserName = '', SerialNumber = '', ...codes }, call) {
      held(call, SerialNumber, UserName);
      await modify(call, SerialNumber, (device) => ({ ...device, ...prove(call, device, codes, far) }));
    },
  }),
  DeactivateMFADevice: defineAction<Iam.DeactivateMFADeviceRequest, void>({
    resources: userResource,
    handle: ({ UserName, SerialNumber = '' }, call) =>
      change(call, async () => {
        held(call, SerialNumber, callerName(call, UserName));
        await modify(call, SerialNumber, ({ userName: _user, enableDate: _date, ...device }) => device);
      }),
  }),
  GetMFADevice: defineAction<Iam.GetMFADeviceRequest, Iam.GetMFADeviceResponse>({
    resources: userResource,
    handle({ SerialNumber = '', UserName }, call) {
      const { userName, serialNumber, enableDate } = UserName === undefined ? get(call, SerialNumber) : held(call, SerialNumber, UserName);
      if (userName === undefined || enableDate === undefined) throw missing(SerialNumber);
      return { UserName: userName, SerialNumber: serialNumber, EnableDate: date(enableDate) };
    },
  }),
  ListMFADevices: defineAction<Iam.ListMFADevicesRequest, Iam.ListMFADevicesResponse>({
    resources: userResource,
    handle({ UserName, ...input }, call) {
      if (UserName === undefined && call.caller.type === 'root') return { MFADevices: [], IsTruncated: false };
      const { userName } = getUser(call, callerName(call, UserName));
      const { page, ...rest } = paginate(mfaDevicesOf(call, userName), input);
      return {
        MFADevices: page.map(({ serialNumber, enableDate = '' }) => ({ UserName: userName, SerialNumber: serialNumber, EnableDate: date(enableDate) })),
        ...rest,
      };
    },
  }),
  ListVirtualMFADevices: defineAction<Iam.ListVirtualMFADevicesRequest, Iam.ListVirtualMFADevicesResponse>({
    resources: (_input, call) => [iamArn(call, 'mfa/*')],
    handle({ AssignmentStatus = 'Any', ...input }, call) {
      const all = devices(call).list(place(call));
      const wanted = all.filter(({ userName }) => AssignmentStatus === 'Any' || (userName !== undefined) === (AssignmentStatus === 'Assigned'));
      const { page, ...rest } = paginate(wanted, input);
      return {
        VirtualMFADevices: page.map(({ serialNumber, userName, enableDate }) => {
          const user = userName === undefined ? undefined : users(call).get(place(call), iamId(userName));
          return {
            SerialNumber: serialNumber,
            ...(user === undefined ? {} : { User: { ...userOf(user), Tags: undefined } }),
            ...(enableDate === undefined ? {} : { EnableDate: date(enableDate) }),
          };
        }),
        ...rest,
      };
    },
  }),
  ...tagActions({
    name: 'MFADevice',
    key: 'SerialNumber',
    resource: (_call, serial) => serial,
    find,
    get,
    retag: (call, serial, next) => modify(call, serial, (device) => ({ ...device, tags: next(device.tags) })),
  }),
};

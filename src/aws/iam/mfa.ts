import { IAMMFADevice, type IamMfaDeviceSpec } from '#kinds';
import type { Call } from '../gateway/call.ts';
import { AwsError } from '../gateway/errors.ts';
import { globalRegion, type Place } from '../state/table.ts';
import { findSteps, stepAt } from './totp.ts';

/** What a call says of the device that its caller holds in his hand. */
export interface MfaInput {
  readonly SerialNumber?: string | undefined;
  readonly TokenCode?: string | undefined;
}
type Needs = Pick<Call, 'state' | 'account' | 'secrets' | 'clock' | 'caller'>;

const refused = (why: string): AwsError => new AwsError('AccessDenied', `MultiFactorAuthentication failed${why}`, { status: 403 });
const wrongCode = (): AwsError => refused(' with invalid MFA one time pass code. ');
const placeOf = (call: Pick<Call, 'account'>): Place => ({ account: call.account, region: globalRegion });

/** Under which name a device is kept: path and name, in which it differs from others by more than case. */
export const mfaId = (serialNumber: string): string => serialNumber.slice(serialNumber.indexOf(':mfa/') + ':mfa/'.length).toLowerCase();

/** The seed of a device, by which its codes are made. */
export function seedOf(device: IamMfaDeviceSpec, call: Pick<Call, 'secrets'>): Buffer {
  const seed = call.secrets.open(device.sealedSeed);
  if (seed === undefined) throw new Error(`the seed of ${device.serialNumber} does not open`);
  return Buffer.from(seed, 'base64');
}

/** Steps that a device may be ahead or behind. */
const window = 1;
const stepFor = (device: IamMfaDeviceSpec, code: string, call: Pick<Call, 'secrets' | 'clock'>): number | undefined =>
  findSteps(seedOf(device, call), [code], stepAt(call.clock.now()) + device.drift, window, device.lastStep);

/**
 * The device that a call names, once its code was seen to hold; undefined when the call names none. It does not use the
 * code up: a call proves its device before anything is decided, and uses the code when everything is. Throws AwsError.
 */
export function proveMfa(call: Needs, { SerialNumber, TokenCode }: MfaInput): IamMfaDeviceSpec | undefined {
  if (SerialNumber === undefined && TokenCode === undefined) return undefined;
  if (SerialNumber === undefined || TokenCode === undefined) throw refused(', must provide both MFA serial number and one time pass code. ');
  const device = call.state.table(IAMMFADevice).get(placeOf(call), mfaId(SerialNumber));
  const name = call.caller.type === 'user' ? call.caller.arn.slice(call.caller.arn.lastIndexOf('/') + 1) : undefined;
  if (device?.serialNumber !== SerialNumber || name === undefined || device.userName !== name) {
    throw refused(', unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user. ');
  }
  if (stepFor(device, TokenCode, call) === undefined) throw wrongCode();
  return device;
}

/** Proves the device of a call and uses its code up, for good. False when the call names none. Throws AwsError. */
export async function useMfa(call: Needs, input: MfaInput): Promise<boolean> {
  const device = proveMfa(call, input);
  if (!device) return false;
  const used = await call.state.table(IAMMFADevice).update(placeOf(call), mfaId(device.serialNumber), (current) => {
    const step = stepFor(current, input.TokenCode ?? '', call);
    if (step === undefined || current.userName !== device.userName) throw wrongCode();
    return { ...current, lastStep: step, drift: step - stepAt(call.clock.now()) };
  });
  if (!used) throw wrongCode();
  return true;
}

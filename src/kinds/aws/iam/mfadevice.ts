import type { Kind } from '#machinery';
import { defineAwsKind, type AwsObject } from '../define.ts';
import type { AwsTag } from './types.ts';

/** A virtual device: what an app on a telephone knows, too. */
export interface IamMfaDeviceSpec {
  /** Its ARN. */
  serialNumber: string;
  name: string;
  path: string;
  /** The seed, sealed with the key of the instance. */
  sealedSeed: string;
  tags: AwsTag[];
  /** Of the user that it is assigned to. */
  userName?: string;
  enableDate?: string;
  /** By how many steps of 30 s its clock is ahead of ours. */
  drift: number;
  /** The step whose code was used last: no code is good twice. */
  lastStep: number;
}

export const IAMMFADevice: Kind<AwsObject<IamMfaDeviceSpec>> = defineAwsKind<IamMfaDeviceSpec>({
  service: 'iam',
  kind: 'IAMMFADevice',
  plural: 'iammfadevices',
  columns: [['User', 'Whose device it is.', ({ userName }) => userName]],
});

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { inflateSync } from 'node:zlib';
import { codeOf, stepAt } from '../../iam/totp.ts';
import { qrPng } from './qr.ts';
import { testAccount, type TestAccount } from './testing.ts';

interface Made {
  VirtualMFADevice: { SerialNumber: string; Base32StringSeed: Buffer; QRCodePNG: Buffer };
}
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (char) => alphabet.indexOf(char).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
/** A device with what its holder reads from it. */
async function device(my: TestAccount, name: string) {
  const { VirtualMFADevice: made } = await my.run<Made>('CreateVirtualMFADevice', { VirtualMFADeviceName: name });
  const seed = fromBase32(made.Base32StringSeed.toString());
  return { SerialNumber: made.SerialNumber, seed, codeIn: (steps: number) => codeOf(seed, stepAt(my.clock.now()) + steps) };
}
const codes = ({ codeIn }: { codeIn(steps: number): string }, from: number) => ({ AuthenticationCode1: codeIn(from), AuthenticationCode2: codeIn(from + 1) });

describe('virtual MFA devices', () => {
  test('are made, enabled by two codes in a row, deactivated and deleted', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const made = await device(my, 'phone');
    const { SerialNumber } = made;
    assert.equal(SerialNumber, 'arn:aws:iam::000000000000:mfa/phone');
    assert.equal(made.seed.length, 40);
    await assert.rejects(my.run('GetMFADevice', { SerialNumber }), { code: 'NoSuchEntity' });
    const enable = (given: object) => my.run('EnableMFADevice', { UserName: 'ana', SerialNumber, ...given });
    const wrong = { AuthenticationCode1: made.codeIn(0), AuthenticationCode2: made.codeIn(2) };
    await assert.rejects(enable(wrong), { code: 'InvalidAuthenticationCode', message: 'Authentication code for device is not valid.' });
    await enable(codes(made, -1));
    await assert.rejects(enable(codes(made, 0)), { code: 'EntityAlreadyExists' });
    assert.deepEqual(await my.run('ListMFADevices', { UserName: 'ana' }), {
      MFADevices: [{ UserName: 'ana', SerialNumber, EnableDate: new Date(my.clock.now()) }],
      IsTruncated: false,
    });
    await assert.rejects(my.run('DeleteVirtualMFADevice', { SerialNumber }), {
      code: 'DeleteConflict',
      message: 'MFA VirtualDevice in use. Must deactivate first.',
    });
    await assert.rejects(my.run('DeleteUser', { UserName: 'ana' }), { code: 'DeleteConflict', message: 'Cannot delete entity, must delete MFA device first.' });
    await my.run('UpdateUser', { UserName: 'ana', NewUserName: 'anna' });
    assert.equal((await my.run<{ UserName: string }>('GetMFADevice', { SerialNumber, UserName: 'anna' })).UserName, 'anna');
    const listed = await my.run<{ VirtualMFADevices: { User?: { UserName: string } }[] }>('ListVirtualMFADevices', { AssignmentStatus: 'Assigned' });
    assert.deepEqual(
      listed.VirtualMFADevices.map(({ User }) => User?.UserName),
      ['anna'],
    );
    await my.run('DeactivateMFADevice', { UserName: 'anna', SerialNumber });
    await assert.rejects(my.run('DeactivateMFADevice', { UserName: 'anna', SerialNumber }), { code: 'NoSuchEntity', message: 'MFA device invalid for user.' });
    await my.run('DeleteVirtualMFADevice', { SerialNumber });
    await assert.rejects(my.run('DeleteVirtualMFADevice', { SerialNumber }), { code: 'NoSuchEntity' });
    await my.run('DeleteUser', { UserName: 'anna' });
  });

  test('that went wrong are brought back by two codes', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const made = await device(my, 'phone');
    const given = { UserName: 'ana', SerialNumber: made.SerialNumber };
    await my.run('EnableMFADevice', { ...given, ...codes(made, 0) });
    await my.clock.advance(30 * 60_000);
    await assert.rejects(my.run('ResyncMFADevice', { ...given, ...codes(made, 90) }), { code: 'InvalidAuthenticationCode' });
    await my.run('ResyncMFADevice', { ...given, ...codes(made, 20) });
    // A code that was used is not good again.
    await assert.rejects(my.run('ResyncMFADevice', { ...given, ...codes(made, 20) }), { code: 'InvalidAuthenticationCode' });
    await assert.rejects(my.run('ResyncMFADevice', { ...given, UserName: 'ben', ...codes(made, 22) }), { code: 'NoSuchEntity' });
  });

  test('are unique by path and name, and eight at most are of one user', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    for (let i = 0; i < 9; i++) {
      const made = await device(my, `d${i}`);
      const enabled = my.run('EnableMFADevice', { UserName: 'ana', SerialNumber: made.SerialNumber, ...codes(made, 0) });
      await (i < 8 ? enabled : assert.rejects(enabled, { code: 'LimitExceeded', message: 'Cannot exceed quota for MFADevicesPerUser: 8' }));
    }
    await assert.rejects(my.run('CreateVirtualMFADevice', { VirtualMFADeviceName: 'D1' }), { code: 'EntityAlreadyExists' });
    await my.run('CreateVirtualMFADevice', { VirtualMFADeviceName: 'd1', Path: '/other/' });
  });
});

test('a QR code is a picture of one bit a pixel', () => {
  const png = qrPng('otpauth://totp/a@b?secret=ABC');
  assert.equal(png.subarray(1, 4).toString(), 'PNG');
  const size = png.readUInt32BE(16);
  const pixels = inflateSync(png.subarray(png.indexOf('IDAT') + 4, png.indexOf('IEND') - 8));
  assert.equal(pixels.length, size * (1 + Math.ceil(size / 8)));
  const dark = (x: number, y: number): boolean => ((pixels[y * (1 + Math.ceil(size / 8)) + 1 + (x >> 3)] ?? 0) & (0x80 >> (x & 7))) === 0;
  // White around, the corner of the finder pattern, and its white ring.
  assert.deepEqual([dark(0, 0), dark(24, 24), dark(30, 30), dark(36, 36)], [false, true, false, true]);
});

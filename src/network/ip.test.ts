import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cidrAddress, cidrAddresses, cidrContains, cidrsOverlap, formatCidr, formatIPv4, mustCidr, parseCidr, parseIPv4, subCidr } from './ip.ts';

test('parseIPv4 takes dotted quads only', () => {
  assert.equal(parseIPv4('10.64.0.5'), 0x0a400005);
  assert.equal(parseIPv4('255.255.255.255'), 0xffffffff);
  for (const bad of ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4; flush ruleset', ' 1.2.3.4', '::1', '1.2.3.-4'])
    assert.equal(parseIPv4(bad), undefined, bad);
  assert.equal(formatIPv4(0xffffff00), '255.255.255.0');
});

test('CIDR blocks: parse, contain, iterate, divide', () => {
  const pods = mustCidr('10.64.0.0/16');
  assert.equal(formatCidr(mustCidr('10.64.3.7/16')), '10.64.0.0/16');
  assert.ok(cidrContains(pods, '10.64.255.255') && !cidrContains(pods, '10.65.0.0') && !cidrContains(pods, 'fd00::1'));
  assert.equal(cidrAddress(pods, 257), '10.64.1.1');
  assert.deepEqual([...cidrAddresses(mustCidr('10.0.0.4/30'), 1)], ['10.0.0.5', '10.0.0.6', '10.0.0.7']);
  assert.equal(formatCidr(subCidr(pods, 24, 255) ?? pods), '10.64.255.0/24');
  assert.equal(subCidr(pods, 24, 256), undefined);
  assert.ok(cidrContains(mustCidr('0.0.0.0/0'), '255.255.255.255'));
  for (const bad of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', 'x/8']) assert.equal(parseCidr(bad), undefined, bad);
  assert.throws(() => mustCidr('10.64.0.0'), /not an IPv4 CIDR block/);
});

test('overlap is symmetric and excludes neighbours', () => {
  const overlap = (a: string, b: string): boolean => cidrsOverlap(mustCidr(a), mustCidr(b));
  assert.ok(overlap('10.0.0.0/8', '10.96.0.0/16') && overlap('10.96.0.0/16', '10.0.0.0/8'));
  assert.ok(!overlap('10.64.0.0/16', '10.65.0.0/16'));
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { FakeClock } from '#base';
import { certificateAuthenticator } from '../auth/certificates.ts';
import { TokenSigner, type Claims } from './jwt.ts';
import { openPki } from './pki.ts';
import { issueCa, issueClient, verifyClient } from './x509.ts';

const day = 86_400_000;
const directories: string[] = [];
async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'pki-'));
  directories.push(path);
  return path;
}
after(async () => {
  for (const path of directories) await rm(path, { recursive: true });
});

describe('certificates', () => {
  const now = Date.UTC(2026, 0, 1);
  const life = { notBefore: now, notAfter: now + day };
  const ca = issueCa('one', life);
  const issue = (from = ca, validity = life) =>
    new X509Certificate(issueClient(from, { commonName: 'ann', organizations: ['devs', 'ops, inc'], ...validity }).cert);
  const authority = new X509Certificate(ca.cert);

  it('are accepted from their own CA while they are valid', () => {
    assert.equal(verifyClient(issue(), authority, now + 1000), 'ok');
    assert.equal(verifyClient(issue(), authority, now + 2 * day), 'expired');
    assert.equal(verifyClient(issue(), authority, now - 1000), 'not-yet-valid');
  });
  it('of another CA of the same name are forged', () => {
    assert.equal(verifyClient(issue(issueCa('one', life)), authority, now), 'forged');
    assert.equal(verifyClient(authority, authority, now), 'forged', 'a CA is not a client');
  });
  it('make a user and groups, or a refusal', () => {
    const clock = new FakeClock(now);
    const authenticator = certificateAuthenticator(ca.cert, clock);
    const ask = (certificate: X509Certificate) => authenticator.authenticate({ certificate: certificate.raw, authorization: undefined });
    const first = issue();
    const fingerprint = first.fingerprint256.replaceAll(':', '').toLowerCase();
    assert.deepEqual(ask(first), {
      username: 'ann',
      groups: ['devs', 'ops, inc', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    });
    assert.equal(ask(issue(issueCa('one', life))), false);
    assert.equal(ask(issue(ca, { notBefore: now - 2 * day, notAfter: now - day })), false);
    const good = issue();
    assert.ok(ask(good));
    void clock.advance(2 * day);
    return new Promise<void>((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve)))).then(() =>
      assert.equal(ask(good), false, 'a known certificate expires too'),
    );
  });
});

describe('openPki', () => {
  it('makes files of mode 0600 once, and loads them after', async () => {
    const path = await directory();
    const clock = new FakeClock();
    const one = await openPki(path, clock);
    const two = await openPki(path, clock);
    assert.deepEqual([one.ca, one.tokenKey], [two.ca, two.tokenKey]);
    for (const file of ['ca.key', 'ca.crt', 'service-account.key']) assert.equal((await stat(join(path, file))).mode & 0o777, 0o600);
    assert.deepEqual(await two.client('admin', { commonName: 'admin' }), await two.client('admin', { commonName: 'admin' }));
  });
  it('renews what expires soon, lacks a name or names another subject', async () => {
    const path = await directory();
    const clock = new FakeClock();
    const first = await (await openPki(path, clock)).server('api', ['localhost', '127.0.0.1']);
    assert.deepEqual(await (await openPki(path, clock)).server('api', ['127.0.0.1']), first);
    const wider = await (await openPki(path, clock)).server('api', ['localhost', '10.96.0.1', '::1']);
    assert.notEqual(wider.cert, first.cert);
    assert.equal(new X509Certificate(wider.cert).checkIP('10.96.0.1'), '10.96.0.1');
    await clock.advance(340 * day);
    assert.notEqual((await (await openPki(path, clock)).server('api', ['localhost'])).cert, wider.cert);
  });
  it('names a damaged file and does not replace it', async () => {
    const path = await directory();
    await openPki(path, new FakeClock());
    await writeFile(join(path, 'ca.crt'), 'garbage');
    await assert.rejects(openPki(path, new FakeClock()), /ca\.crt or \.key is damaged/);
  });
});

describe('tokens', () => {
  const now = Date.UTC(2026, 0, 1);
  const claims: Claims = { iss: 'me', sub: 's', aud: ['me'], iat: now / 1000, nbf: now / 1000, exp: now / 1000 + 600 };
  it('verify with their key, issuer and time only', async () => {
    const { tokenKey } = await openPki(await directory(), new FakeClock());
    const other = await openPki(await directory(), new FakeClock());
    const signer = new TokenSigner(tokenKey, 'me');
    const token = signer.sign(claims);
    assert.deepEqual(signer.verify(token, now), claims);
    assert.equal(signer.verify(token, now + 600_000), undefined);
    assert.equal(new TokenSigner(other.tokenKey, 'me').verify(token, now), undefined);
    assert.equal(new TokenSigner(tokenKey, 'you').verify(token, now), undefined);
    const [header, , signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'root' })).toString('base64url');
    assert.equal(signer.verify(`${header}.${forged}.${signature}`, now), undefined);
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    assert.equal(signer.verify(`${none}.${forged}.`, now), undefined);
    assert.equal(signer.verify('a.b', now), undefined);
    assert.equal(signer.jwks().keys[0]?.['crv'], 'P-256');
  });
});

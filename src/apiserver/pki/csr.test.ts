import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { array, assert as check, constantFrom, nat, property, tuple, uint8Array } from 'fast-check';
import { parseCertificateRequest } from './csr.ts';
import { issueCa, issueRequested, subjectOf, verifyClient } from './x509.ts';

const pem = (lines: string): string => `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`;
/** Made with openssl req: an EC key with every sort of alternative name, an RSA key, an Ed25519 key. */
const ec = `MIIBQDCB5wIBADAyMQ0wCwYDVQQKDARkZXZzMREwDwYDVQQKDAhvcHMsIGluYzEO
MAwGA1UEAwwFasOkbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARSUQF4xobC
poADtVo3d6YDeJS7F8eZZzzT3ZDqrITs8ThJFKYIOBnTgunF2Nc57MgDyIbAuJWe
dV9PepCpUhqNoFMwUQYJKoZIhvcNAQkOMUQwQjBABgNVHREEOTA3gglhLmV4YW1w
bGWCAWKHBAoAAAGHEP0AAAAAAAAAAAAAAAAAAAGBA3hAeYYKc3BpZmZlOi8vejAK
BggqhkjOPQQDAgNIADBFAiEAja0R7U0xbiTMwgAUIIUhbuh3lLDQoizkDV/5Rl04
bHYCIEiKOSowVsLm1796FPlyP0VCap7brLsTFMr4NuyVksYY`;
const ed = `MIGMMEACAQAwDTELMAkGA1UEAwwCZWQwKjAFBgMrZXADIQDgOsQXGyG2mG6+W8M1
Qf1+qrHp8yHgmBH2FUKDdkifcKAAMAUGAytlcANBAP7ccKKYkDN0ARVPFCXZe6EV
u7LdkCWdFMe8/zdZcNse+Rv5aNSKH+FaKFD3CufVdqbktOZsCGke5fnAJprJDgo=`;

describe('certificate requests', () => {
  it('are read with all their names', () => {
    const request = parseCertificateRequest(pem(ec));
    assert.deepEqual(
      { ...request, subject: undefined, publicKey: undefined, alternativeNames: undefined },
      {
        commonName: 'jänn',
        organizations: ['devs', 'ops, inc'],
        dnsNames: ['a.example', 'b'],
        ipAddresses: ['10.0.0.1', 'fd00:0:0:0:0:0:0:1'],
        emailAddresses: ['x@y'],
        uris: ['spiffe://z'],
        subject: undefined,
        publicKey: undefined,
        alternativeNames: undefined,
      },
    );
    assert.equal(parseCertificateRequest(pem(ed)).commonName, 'ed');
  });
  it('become certificates of their subject, names and usages', () => {
    const now = Date.UTC(2026, 5, 1);
    const ca = issueCa('ca', { notBefore: now - 1000, notAfter: now + 1e9 });
    const issue = (usages: string[]) =>
      new X509Certificate(issueRequested(ca, { request: parseCertificateRequest(pem(ec)), usages, notBefore: now - 1000, notAfter: now + 1e6 }));
    const certificate = issue(['digital signature', 'key encipherment', 'client auth']);
    assert.deepEqual(subjectOf(certificate), { commonName: 'jänn', organizations: ['devs', 'ops, inc'] });
    assert.match(certificate.subjectAltName ?? '', /^DNS:a\.example, DNS:b, IP Address:10\.0\.0\.1/);
    assert.equal(verifyClient(certificate, new X509Certificate(ca.cert), now), 'ok');
    assert.equal(verifyClient(issue(['server auth']), new X509Certificate(ca.cert), now), 'wrong-usage');
    assert.equal(issue(['cert sign', 'any']).ca, false);
  });
  it('are refused when another key signed them, or they are none', () => {
    const bytes = Buffer.from(ec, 'base64');
    bytes[20] = (bytes[20] as number) ^ 1;
    assert.throws(() => parseCertificateRequest(pem(bytes.toString('base64'))), /does not fit its public key/);
    assert.throws(() => parseCertificateRequest('hello'), /PEM block type must be CERTIFICATE REQUEST/);
    assert.throws(() => parseCertificateRequest(pem('AAAA')), /malformed certificate request/);
    assert.throws(() => parseCertificateRequest(pem('')), /malformed certificate request: an element is cut off/);
  });
  it('of any bytes are read or refused, and nothing else happens', () => {
    const attempt = (bytes: Buffer): void => {
      try {
        parseCertificateRequest(pem(bytes.toString('base64')));
      } catch (error) {
        assert.ok(error instanceof Error && /certificate request|signature algorithm/.test(error.message), String(error));
      }
    };
    const sound = [Buffer.from(ec, 'base64'), Buffer.from(ed, 'base64')];
    check(
      property(uint8Array({ maxLength: 300 }), (bytes) => attempt(Buffer.from(bytes))),
      { numRuns: 300 },
    );
    check(
      property(constantFrom(...sound), array(tuple(nat(400), nat(255)), { minLength: 1, maxLength: 4 }), nat(400), (good, changes, cut) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        attempt(bytes.subarray(0, cut % 3 === 0 ? cut % bytes.length : bytes.length));
      }),
      { numRuns: 1000 },
    );
  });
});

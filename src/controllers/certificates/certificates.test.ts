import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CertificateSigningRequest } from '#kinds';
import type { CertificateAuthority, RequestedNames } from '../controller.ts';
import { createWorld, type World } from '../testing/world.ts';
import { certificateApprovingController } from './approving.ts';
import { certificateCleaningController } from './cleaning.ts';
import { refusal, signers, type Request } from './requests.ts';
import { certificateSigningController } from './signing.ts';

const kubelet: RequestedNames = {
  commonName: 'system:node:n1',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const clientUsages = ['digital signature', 'client auth'];

describe('signers permit', () => {
  const cases: [string, Partial<RequestedNames>, string[], string | undefined][] = [
    [signers.apiClient, {}, clientUsages, undefined],
    [signers.apiClient, {}, ['digital signature'], 'missing required usage for client certificate: client auth'],
    [signers.apiClient, {}, ['client auth', 'server auth'], 'invalid usage for client certificate: server auth'],
    [signers.kubeletClient, {}, clientUsages, undefined],
    [signers.kubeletClient, {}, [...clientUsages, 'key encipherment'], undefined],
    [signers.kubeletClient, {}, ['client auth'], 'usages did not match [digital signature key encipherment client auth]'],
    [signers.kubeletClient, { organizations: ['system:masters'] }, clientUsages, 'subject organization is not system:nodes'],
    [signers.kubeletClient, { organizations: ['system:nodes', 'x'] }, clientUsages, 'subject organization is not system:nodes'],
    [signers.kubeletClient, { commonName: 'n1' }, clientUsages, 'subject common name does not begin with system:node: '],
    [signers.kubeletClient, { dnsNames: ['n1'] }, clientUsages, 'DNS subjectAltNames are not allowed'],
    [signers.kubeletServing, { dnsNames: ['n1'] }, ['digital signature', 'server auth'], undefined],
    [signers.kubeletServing, {}, ['digital signature', 'server auth'], 'DNS or IP subjectAltName is required'],
    [signers.kubeletServing, { dnsNames: ['n1'] }, clientUsages, 'usages did not match [digital signature key encipherment server auth]'],
    [signers.kubeletServing, { ipAddresses: ['1.2.3.4'], uris: ['x'] }, ['digital signature', 'server auth'], 'URI subjectAltNames are not allowed'],
    [signers.legacyUnknown, { organizations: [] }, ['server auth'], undefined],
  ];
  for (const [signer, names, usages, expected] of cases)
    it(`${signer} ${JSON.stringify(names)} ${usages.join()}: ${expected ?? 'yes'}`, () =>
      assert.equal(refusal(signer, { ...kubelet, ...names }, usages), expected));
});

const signed: { usages: readonly string[]; seconds: number }[] = [];
const authority = (over: Partial<CertificateAuthority> = {}): CertificateAuthority => ({
  read: () => kubelet,
  sign(_pem, usages, seconds) {
    signed.push({ usages, seconds });
    return 'CERTIFICATE';
  },
  mayCreate: () => false,
  expiry: () => undefined,
  ...over,
});
const request = (spec: Partial<NonNullable<Request['spec']>> = {}, approved = false): Request => ({
  metadata: { name: 'r' },
  spec: { request: '', signerName: signers.kubeletClient, usages: clientUsages, username: 'bob', ...spec },
  status: approved ? { conditions: [{ type: 'Approved', status: 'True' }] } : {},
});
const find = (world: World): Request | undefined => world.api.all(CertificateSigningRequest)[0];

describe('certificate requests', () => {
  it('of kubelets are approved where a role allows it', async () => {
    const asked: string[] = [];
    const certificates = authority({ mayCreate: (user, subresource) => asked.push(`${user.username} ${subresource}`) > 0 && subresource === 'nodeclient' });
    const world = createWorld([certificateApprovingController], { certificates });
    world.api.put(CertificateSigningRequest, request());
    await world.run();
    assert.deepEqual(asked, ['bob nodeclient']);
    const [condition] = find(world)?.status?.conditions ?? [];
    assert.deepEqual(
      [condition?.type, condition?.reason, condition?.message],
      ['Approved', 'AutoApproved', 'Auto approving kubelet client certificate after SubjectAccessReview.'],
    );
    await world.stop();
  });
  it('of others are left to people', async () => {
    const world = createWorld([certificateApprovingController, certificateSigningController], { certificates: authority({ mayCreate: () => true }) });
    world.api.put(CertificateSigningRequest, request({ signerName: signers.apiClient }));
    await world.run(5000);
    assert.deepEqual(world.api.writes, []);
    await world.stop();
  });
  it('are signed once approved, for as long as they ask, a year at most', async () => {
    for (const [expirationSeconds, seconds] of [
      [3600, 3600],
      [undefined, 31_536_000],
      [99_999_999, 31_536_000],
    ] as const) {
      signed.length = 0;
      const world = createWorld([certificateSigningController], { certificates: authority() });
      world.api.put(CertificateSigningRequest, request(expirationSeconds === undefined ? {} : { expirationSeconds }, true));
      await world.run(1000);
      assert.equal(Buffer.from(find(world)?.status?.certificate ?? '', 'base64').toString(), 'CERTIFICATE');
      assert.deepEqual(signed, [{ usages: clientUsages, seconds }]);
      await world.stop();
    }
  });
  it('that no signer permits, or nobody can read, fail', async () => {
    const broken = () => {
      throw new Error('malformed certificate request: x');
    };
    for (const [certificates, message] of [
      [authority({ read: () => ({ ...kubelet, commonName: 'x' }) }), 'subject common name does not begin with system:node: '],
      [authority({ read: broken }), 'unable to parse csr "r": malformed certificate request: x'],
    ] as const) {
      const world = createWorld([certificateSigningController], { certificates });
      world.api.put(CertificateSigningRequest, request({}, true));
      await world.run(1000);
      const failed = find(world)?.status?.conditions?.at(-1);
      assert.deepEqual([failed?.type, failed?.reason, failed?.message], ['Failed', 'SignerValidationFailure', message]);
      assert.equal(find(world)?.status?.certificate, undefined);
      await world.stop();
    }
  });
  it('of foreign signers are nobody’s business here', async () => {
    const world = createWorld([certificateSigningController], { certificates: authority() });
    world.api.put(CertificateSigningRequest, request({ signerName: 'example.com/x' }, true));
    await world.run(1000);
    assert.deepEqual(world.api.writes, []);
    await world.stop();
  });
  it('are removed an hour after a decision, a day without one, and when their certificate ends', async () => {
    const hour = 3_600_000;
    for (const [one, after] of [
      [request(), 24 * hour],
      [request({}, true), hour],
    ] as const) {
      const world = createWorld([certificateCleaningController], { certificates: authority() });
      world.api.put(CertificateSigningRequest, one);
      await world.run(after - 60_000);
      assert.ok(find(world));
      await world.run(120_000);
      assert.equal(find(world), undefined);
      await world.stop();
    }
  });
});

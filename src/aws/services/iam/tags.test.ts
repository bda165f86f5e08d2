import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { issueCa, issueServer } from '#apiserver';
import { testAccount, testPolicy, testTrust, type TestAccount } from './testing.ts';

const metadata =
  '<EntityDescriptor entityID="urn:idp"><IDPSSODescriptor><KeyDescriptor><KeyInfo><X509Data><X509Certificate>AA</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>';
/** How to make one of each, and what names it. */
const sorts: Readonly<Record<string, (my: TestAccount) => Promise<Record<string, unknown>>>> = {
  Policy: async (my) => ({
    PolicyArn: (await my.run<{ Policy: { Arn: string } }>('CreatePolicy', { PolicyName: 'p', PolicyDocument: testPolicy('s3:*') })).Policy.Arn,
  }),
  Role: async (my) => {
    await my.run('CreateRole', { RoleName: 'r', AssumeRolePolicyDocument: testTrust });
    return { RoleName: 'r' };
  },
  User: async (my) => {
    await my.run('CreateUser', { UserName: 'u' });
    return { UserName: 'u' };
  },
  InstanceProfile: async (my) => {
    await my.run('CreateInstanceProfile', { InstanceProfileName: 'i' });
    return { InstanceProfileName: 'i' };
  },
  OpenIDConnectProvider: (my) => my.run('CreateOpenIDConnectProvider', { Url: 'https://issuer.example' }),
  MFADevice: async (my) => {
    await my.run('CreateVirtualMFADevice', { VirtualMFADeviceName: 'd' });
    return { SerialNumber: 'arn:aws:iam::000000000000:mfa/d' };
  },
  ServerCertificate: async (my) => {
    const validity = { notBefore: 0, notAfter: Date.UTC(2030, 0, 1) };
    const { cert, key } = issueServer(issueCa('root', validity), { ...validity, commonName: 'c', names: ['c'] });
    await my.run('UploadServerCertificate', { ServerCertificateName: 'c', CertificateBody: cert, PrivateKey: key });
    return { ServerCertificateName: 'c' };
  },
  SAMLProvider: (my) => my.run('CreateSAMLProvider', { Name: 's', SAMLMetadataDocument: metadata }),
};

describe('tags', () => {
  for (const [sort, make] of Object.entries(sorts)) {
    test(`of a ${sort}`, async () => {
      const my = await testAccount();
      const name = await make(my);
      const list = () => my.run<{ Tags: object[] }>(`List${sort}Tags`, name);
      assert.deepEqual((await list()).Tags, []);
      await my.run(`Tag${sort}`, {
        ...name,
        Tags: [
          { Key: 'Team', Value: 'a' },
          { Key: 'env', Value: '' },
        ],
      });
      // Keys are one whatever their case; the last writing holds.
      await my.run(`Tag${sort}`, { ...name, Tags: [{ Key: 'team', Value: 'b' }] });
      assert.deepEqual((await list()).Tags, [
        { Key: 'env', Value: '' },
        { Key: 'team', Value: 'b' },
      ]);
      const first = await my.run<{ Tags: object[]; IsTruncated: boolean; Marker: string }>(`List${sort}Tags`, { ...name, MaxItems: 1 });
      assert.deepEqual([first.Tags.length, first.IsTruncated], [1, true]);
      await my.run(`Untag${sort}`, { ...name, TagKeys: ['TEAM', 'not there'] });
      assert.deepEqual((await list()).Tags, [{ Key: 'env', Value: '' }]);
      await assert.rejects(my.run(`Tag${sort}`, { ...name, Tags: [{ Key: 'aws:x', Value: '' }] }), { code: 'InvalidInput' });
      await assert.rejects(
        my.run(`Tag${sort}`, {
          ...name,
          Tags: [
            { Key: 'a', Value: '1' },
            { Key: 'A', Value: '2' },
          ],
        }),
        { code: 'InvalidInput' },
      );
      const many = Array.from({ length: 50 }, (_, i) => ({ Key: `k${i}`, Value: '' }));
      await assert.rejects(my.run(`Tag${sort}`, { ...name, Tags: many }), { code: 'LimitExceeded' });
      assert.equal((await list()).Tags.length, 1);
      const other = Object.fromEntries(Object.entries(name).map(([key, value]) => [key, `${value as string}x`]));
      for (const [action, more] of [
        ['Tag', { Tags: [] }],
        ['Untag', { TagKeys: [] }],
      ] as const) {
        await assert.rejects(my.run(`${action}${sort}`, { ...other, ...more }), { code: 'NoSuchEntity' });
      }
      await assert.rejects(my.run(`List${sort}Tags`, other), { code: 'NoSuchEntity' });
    });
  }
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import test, { describe } from 'node:test';
import { issueCa, issueServer, type Issued } from '#apiserver';
import { testAccount } from './testing.ts';

const validity = { notBefore: Date.UTC(2025, 0, 1), notAfter: Date.UTC(2027, 0, 1) };
const ca: Issued = issueCa('root', validity);
const leaf = (name = 'www.example'): Issued => issueServer(ca, { ...validity, commonName: name, names: [name] });
const upload = (name: string, { cert, key }: Issued, more: object = {}) => ({ ServerCertificateName: name, CertificateBody: cert, PrivateKey: key, ...more });

describe('server certificates', () => {
  test('are kept with their chain, end when they say, and change name and path', async () => {
    const my = await testAccount();
    const www = leaf();
    const { ServerCertificateMetadata: made } = await my.run<{ ServerCertificateMetadata: Record<string, unknown> }>(
      'UploadServerCertificate',
      upload('www', www, { CertificateChain: ca.cert, Path: '/cloudfront/' }),
    );
    assert.match(String(made['ServerCertificateId']), /^ASCA[A-Z2-7]{17}$/);
    assert.deepEqual(
      { ...made, ServerCertificateId: '' },
      {
        Path: '/cloudfront/',
        ServerCertificateName: 'www',
        ServerCertificateId: '',
        Arn: 'arn:aws:iam::000000000000:server-certificate/cloudfront/www',
        UploadDate: new Date(my.clock.now()),
        Expiration: new Date(validity.notAfter),
      },
    );
    await assert.rejects(my.run('UploadServerCertificate', upload('WWW', www)), {
      code: 'EntityAlreadyExists',
      message: 'The Server Certificate with name WWW already exists.',
    });
    await my.run('UploadServerCertificate', upload('other', www));
    await assert.rejects(my.run('UpdateServerCertificate', { ServerCertificateName: 'www', NewServerCertificateName: 'other' }), {
      code: 'EntityAlreadyExists',
    });
    await my.run('UpdateServerCertificate', { ServerCertificateName: 'www', NewServerCertificateName: 'web', NewPath: '/' });
    const { ServerCertificate: got } = await my.run<{
      ServerCertificate: { CertificateBody: string; CertificateChain: string; ServerCertificateMetadata: { Arn: string } };
    }>('GetServerCertificate', { ServerCertificateName: 'web' });
    assert.deepEqual(
      [got.CertificateBody, got.CertificateChain, got.ServerCertificateMetadata.Arn],
      [www.cert, ca.cert, 'arn:aws:iam::000000000000:server-certificate/web'],
    );
    await assert.rejects(my.run('GetServerCertificate', { ServerCertificateName: 'www' }), { code: 'NoSuchEntity' });
    const { ServerCertificateMetadataList: listed } = await my.run<{ ServerCertificateMetadataList: object[] }>('ListServerCertificates', {
      PathPrefix: '/cloudfront/',
    });
    assert.deepEqual(listed, []);
    await my.run('DeleteServerCertificate', { ServerCertificateName: 'web' });
    await assert.rejects(my.run('DeleteServerCertificate', { ServerCertificateName: 'web' }), { code: 'NoSuchEntity' });
  });

  test('are refused when they are none, are not of that key, or the chain does not sign them', async () => {
    const my = await testAccount();
    const www = leaf();
    const refuse = (input: object, code: string) => assert.rejects(my.run('UploadServerCertificate', input), { code });
    await refuse(upload('a', { cert: 'no', key: www.key }), 'MalformedCertificate');
    await refuse(upload('a', { cert: www.cert + ca.cert, key: www.key }), 'MalformedCertificate');
    await refuse(upload('a', { cert: www.cert, key: 'no' }), 'MalformedCertificate');
    await refuse(upload('a', { cert: www.cert, key: leaf().key }), 'KeyPairMismatch');
    await refuse(upload('a', www, { CertificateChain: issueCa('root', validity).cert }), 'MalformedCertificate');
    await refuse(upload('a', www, { CertificateChain: 'no' }), 'MalformedCertificate');
    for (let i = 0; i < 20; i++) await my.run('UploadServerCertificate', upload(`c${i}`, www));
    await refuse(upload('c20', www), 'LimitExceeded');
  });
});

describe('signing certificates', () => {
  test('are two of a user, each uploaded once, and good when they are', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const add = (cert: string) => my.run<{ Certificate: { CertificateId: string } }>('UploadSigningCertificate', { UserName: 'ana', CertificateBody: cert });
    const first = leaf();
    const { CertificateId } = (await add(first.cert)).Certificate;
    await assert.rejects(add(first.cert), { code: 'DuplicateCertificate' });
    await assert.rejects(add('no'), { code: 'MalformedCertificate' });
    await assert.rejects(add(issueCa('old', { notBefore: 0, notAfter: my.clock.now() - 1000 }).cert), { code: 'InvalidCertificate' });
    await add(leaf().cert);
    await assert.rejects(add(leaf().cert), { code: 'LimitExceeded' });
    await assert.rejects(my.run('DeleteUser', { UserName: 'ana' }), {
      code: 'DeleteConflict',
      message: 'Cannot delete entity, must delete signing certificates first.',
    });
    await my.run('UpdateSigningCertificate', { UserName: 'ana', CertificateId, Status: 'Inactive' });
    const { Certificates } = await my.run<{ Certificates: { CertificateId: string; Status: string }[] }>('ListSigningCertificates', { UserName: 'ana' });
    assert.equal(Certificates.find((one) => one.CertificateId === CertificateId)?.Status, 'Inactive');
    await my.run('DeleteSigningCertificate', { UserName: 'ana', CertificateId });
    await assert.rejects(my.run('DeleteSigningCertificate', { UserName: 'ana', CertificateId }), {
      code: 'NoSuchEntity',
      message: `The Certificate with id ${CertificateId} cannot be found.`,
    });
  });
});

describe('SSH public keys', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const pem = rsa.export({ type: 'spki', format: 'pem' }).toString();

  test('come as PEM or in the form of SSH and are answered as both', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    interface Key {
      SSHPublicKey: { SSHPublicKeyId: string; SSHPublicKeyBody: string; Fingerprint: string; Status: string };
    }
    const { SSHPublicKey: key } = await my.run<Key>('UploadSSHPublicKey', { UserName: 'ana', SSHPublicKeyBody: pem });
    assert.match(key.SSHPublicKeyBody, /^ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB/);
    assert.match(key.Fingerprint, /^(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/);
    const add = (body: string) => my.run('UploadSSHPublicKey', { UserName: 'ana', SSHPublicKeyBody: body });
    await assert.rejects(add(`${key.SSHPublicKeyBody} ana@home`), { code: 'DuplicateSSHPublicKey' });
    const id = { UserName: 'ana', SSHPublicKeyId: key.SSHPublicKeyId };
    assert.equal((await my.run<Key>('GetSSHPublicKey', { ...id, Encoding: 'PEM' })).SSHPublicKey.SSHPublicKeyBody, pem);
    await my.run('UpdateSSHPublicKey', { ...id, Status: 'Inactive' });
    assert.equal((await my.run<Key>('GetSSHPublicKey', { ...id, Encoding: 'SSH' })).SSHPublicKey.Status, 'Inactive');
    await my.run('CreateUser', { UserName: 'ben' });
    await assert.rejects(my.run('GetSSHPublicKey', { ...id, UserName: 'ben', Encoding: 'SSH' }), { code: 'NoSuchEntity' });
    await my.run('DeleteSSHPublicKey', id);
    assert.deepEqual(await my.run('ListSSHPublicKeys', { UserName: 'ana' }), { SSHPublicKeys: [], IsTruncated: false });
  });

  test('are RSA keys of 2048 bits and more', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    const refuse = (body: string, code: string) => assert.rejects(my.run('UploadSSHPublicKey', { UserName: 'ana', SSHPublicKeyBody: body }), { code });
    await refuse('ssh-ed25519 AAAA', 'UnrecognizedPublicKeyEncoding');
    await refuse('ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB', 'InvalidPublicKey');
    await refuse('ssh-rsa', 'UnrecognizedPublicKeyEncoding');
    await refuse('-----BEGIN PUBLIC KEY-----\nno\n-----END PUBLIC KEY-----', 'InvalidPublicKey');
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ type: 'spki', format: 'pem' });
    await refuse(small.toString(), 'InvalidPublicKey');
  });

  test('have the fingerprint that ssh-keygen shows', async () => {
    const { readSshKey, sshFingerprint, sshForm } = await import('./ssh-key.ts');
    const given =
      'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDmH/U+vh/fzRxxuypk7eJdJuiZeh1JuFEv9COUqzuf0XjYM7X33vX9TQ6Q0wyeNRSt5LyY1EFjfGmcsQIaqO/H7v8gIPHAiD8JSl1LyvbQFYN6X8jfUqHqHHK7bbhVweXiWfN1YthIyqC57T3i9fd4zv0HyO4aw0eboak7xJK47PxH7IoRarvgtLHFTys9oroq4j8e9EqbQOHchQEdPZyl7ecXVhmEIa/dK4PZKJ65sfDFsWQ2aPRL0maGh88K2/ERNzZPDF/a3phckmhWajF/odNhkfZszU/4EHwAqcfIp3gdpPYUXKu/ObSWv1pucBuCx/MsefAjIb8dLK2UAF/B';
    assert.equal(sshForm(readSshKey(`${given} comment`)), given);
    assert.equal(sshFingerprint(readSshKey(given)), '15:3d:b5:11:e9:c2:dc:ea:c9:92:04:c4:5b:23:8b:27');
  });
});

describe('service-specific credentials', () => {
  test('are two of a user for a service, with a password that is shown once', async () => {
    const my = await testAccount();
    await my.run('CreateUser', { UserName: 'ana' });
    interface Made {
      ServiceSpecificCredential: { ServiceUserName?: string; ServicePassword?: string; ServiceCredentialSecret?: string; ServiceSpecificCredentialId: string };
    }
    const add = async (service: string, more: object = {}) =>
      (await my.run<Made>('CreateServiceSpecificCredential', { UserName: 'ana', ServiceName: service, ...more })).ServiceSpecificCredential;
    const first = await add('codecommit.amazonaws.com');
    assert.equal(first.ServiceUserName, 'ana-at-000000000000');
    assert.equal(first.ServicePassword?.length, 44);
    assert.equal((await add('codecommit.amazonaws.com')).ServiceUserName, 'ana+1-at-000000000000');
    await assert.rejects(add('codecommit.amazonaws.com'), { code: 'LimitExceeded' });
    await assert.rejects(add('ecs.amazonaws.com'), { code: 'NotSupportedService' });
    await assert.rejects(add('cassandra.amazonaws.com', { CredentialAgeDays: 1 }), { code: 'InvalidInput' });
    const id = { UserName: 'ana', ServiceSpecificCredentialId: first.ServiceSpecificCredentialId };
    const again = (await my.run<Made>('ResetServiceSpecificCredential', id)).ServiceSpecificCredential;
    assert.notEqual(again.ServicePassword, first.ServicePassword);
    assert.match((await add('bedrock.amazonaws.com', { CredentialAgeDays: 1 })).ServiceCredentialSecret ?? '', /^ABSK/);
    await my.clock.advance(25 * 60 * 60 * 1000);
    const list = async (input: object) =>
      (await my.run<{ ServiceSpecificCredentials: { Status: string }[] }>('ListServiceSpecificCredentials', input)).ServiceSpecificCredentials;
    assert.deepEqual(
      (await list({ UserName: 'ana', ServiceName: 'bedrock.amazonaws.com' })).map(({ Status }) => Status),
      ['Expired'],
    );
    assert.equal((await list({ AllUsers: true })).length, 3);
    await assert.rejects(list({ AllUsers: true, UserName: 'ana' }), { code: 'InvalidInput' });
    await my.run('UpdateServiceSpecificCredential', { ...id, Status: 'Inactive' });
    await my.run('DeleteServiceSpecificCredential', id);
    await assert.rejects(my.run('ResetServiceSpecificCredential', id), { code: 'NoSuchEntity' });
  });
});

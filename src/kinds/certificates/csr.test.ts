import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { refused, refusedStatus, refusedUpdate } from '../fixtures/objects.ts';
import { CertificateSigningRequest } from './certificatesigningrequest.ts';

test('a request holds a PEM block, usages and a signer', () => {
  const request = (change: object): string[] => refused(CertificateSigningRequest, ({ spec }) => Object.assign(spec, change));
  assert.deepEqual(
    request({ request: 'AAAA', usages: ['signing', 'signing', 'mischief'], signerName: 'example', expirationSeconds: 1 }).map((text) =>
      text.replace(/supported values.*/, '…'),
    ),
    [
      'spec.request: Invalid value: "AAAA": PEM block type must be CERTIFICATE REQUEST',
      'spec.usages[1]: Duplicate value: "signing"',
      'spec.usages[2]: Unsupported value: "mischief": …',
      `spec.signerName: Invalid value: "example": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
      'spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 600 seconds (10 minutes)',
    ],
  );
  assert.deepEqual(request({ signerName: 'kubernetes.io/legacy-unknown' }), [
    'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
  ]);
  assert.deepEqual(request({ usages: [], signerName: 'example/x' }), [
    'spec.usages: Required value',
    'spec.signerName: Invalid value: "example": should be a domain with at least two segments separated by dots',
  ]);
  assert.deepEqual(
    refusedUpdate(CertificateSigningRequest, (object) => (object.spec = { ...object.spec, usages: [] })),
    [],
    'the spec stays as it was',
  );
});

test('a decision is taken once', () => {
  const approved = { type: 'Approved', status: 'True' };
  const before = (object: { status?: object }): void => void (object.status = { conditions: [approved], certificate: 'QQ==' });
  assert.deepEqual(
    refusedStatus(CertificateSigningRequest, {
      conditions: [
        approved,
        { type: 'Denied', status: 'True' },
        { type: 'Failed', status: 'False' },
        { type: 'Odd', status: '' },
        { type: 'New', status: 'Maybe' },
      ],
    }),
    [
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
      'status.conditions[2].status: Unsupported value: "False": supported values: "True"',
      'status.conditions[3].status: Required value',
      'status.conditions[4].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
      'status.conditions: Forbidden: updates may not add a condition of type "Denied"',
    ],
    'decisions are for the approval subresource',
  );
  assert.deepEqual(refusedStatus(CertificateSigningRequest, { conditions: [] }, before), [
    'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
    'status.certificate: Forbidden: updates may not modify existing certificate content',
  ]);
  const decided = (object: { status?: object }): void => void (object.status = { conditions: [approved] });
  assert.deepEqual(refusedStatus(CertificateSigningRequest, { conditions: [{ ...approved, reason: 'x' }] }, decided), [
    'status.conditions: Forbidden: updates may not modify a condition of type "Approved"',
  ]);
  assert.deepEqual(refusedStatus(CertificateSigningRequest, { conditions: [approved], certificate: 'QQ==' }, decided), [
    'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
  ]);
  const pem = (type: string, body: string): string => Buffer.from(`-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`).toString('base64');
  const brings = (certificate: string): string[] => refusedStatus(CertificateSigningRequest, { conditions: [approved], certificate }, decided);
  assert.deepEqual(brings(pem('CERTIFICATE', 'QQ==')), []);
  assert.deepEqual(brings(pem('PRIVATE KEY', 'QQ==')), [
    'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"',
  ]);
  assert.deepEqual(brings(pem('CERTIFICATE', 'A: b\n\nQQ==')), ['status.certificate: Invalid value: "<certificate data>": no PEM block headers are permitted']);
});

test('the approval subresource decides, and touches nothing else', () => {
  const approval = CertificateSigningRequest.aspects?.['approval'];
  const spec = { request: '', signerName: 'a.b/c', usages: [] };
  const old = { spec, status: { certificate: 'QQ==' } };
  const conditions = [{ type: 'Approved', status: 'True' }];
  const wanted = approval?.confine({ spec: { ...spec, signerName: 'x' }, status: { conditions, certificate: 'other' } }, old);
  assert.deepEqual(wanted, { spec, status: { certificate: 'QQ==', conditions } });
  assert.deepEqual(wanted && approval?.validate(wanted, old), []);
});

test('the state of a request in a row', () => {
  const row = (status: object): unknown[] =>
    renderTable(
      CertificateSigningRequest,
      [{ metadata: { name: 'r' }, spec: { request: '', signerName: 'a.b/c', username: 'jane', expirationSeconds: 86400 }, status }],
      0,
    ).rows[0]!.cells.slice(2);
  assert.deepEqual(row({}), ['a.b/c', 'jane', '24h', 'Pending']);
  assert.equal(row({ conditions: [{ type: 'Approved', status: 'True' }], certificate: 'x' }).at(-1), 'Approved,Issued');
  assert.equal(row({ conditions: [{ type: 'Denied', status: 'True' }] }).at(-1), 'Denied');
  assert.equal(
    row({
      conditions: [
        { type: 'Approved', status: 'True' },
        { type: 'Failed', status: 'True' },
      ],
    }).at(-1),
    'Approved,Failed',
  );
});

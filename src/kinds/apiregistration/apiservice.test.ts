import assert from 'node:assert/strict';
import test from 'node:test';
import { renderTable } from '#machinery';
import { prepared, refused } from '../fixtures/objects.ts';
import { APIService } from './apiservice.ts';

test('a service is named after what it serves, and has priorities', () => {
  assert.deepEqual(
    refused(
      APIService,
      (object) => (object.spec = { version: 'V1', groupPriorityMinimum: 0, versionPriority: 1001, caBundle: 'AAAA', insecureSkipTLSVerify: true }),
    ).map((text) => text.replace(/a DNS-1035.*/, '…')),
    [
      'metadata.name: Invalid value: "v1.minimal.example.com": must be `spec.version+"."+spec.group`: "V1."',
      'spec.group: Required value: only v1 may have an empty group and it better be legacy kube',
      'spec.version: Invalid value: "V1": …',
      'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000',
      'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
      'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
      'spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify',
    ],
  );
  assert.deepEqual(
    refused(APIService, ({ spec }) => Object.assign(spec!, { service: { port: 70000 }, insecureSkipTLSVerify: true, caBundle: 'AAAA' })),
    [
      'spec.service.namespace: Required value',
      'spec.service.name: Required value',
      'spec.service.port: Invalid value: 70000: port is not valid: must be between 1 and 65535, inclusive',
      'spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present',
    ],
  );
});

test('what the process serves itself is available at once', () => {
  const local = prepared(APIService, { metadata: { name: 'v1.' }, spec: { version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 } });
  assert.deepEqual(renderTable(APIService, [local], 0).rows[0]!.cells.slice(0, 3), ['v1.', 'Local', 'True']);
  const other = {
    ...local,
    spec: { ...local.spec!, service: { namespace: 'n', name: 's' } },
    status: { conditions: [{ type: 'Available', status: 'False', reason: 'MissingEndpoints' }] },
  };
  assert.deepEqual(renderTable(APIService, [other], 0).rows[0]!.cells.slice(1, 3), ['n/s', 'False (MissingEndpoints)']);
});

import assert from 'node:assert/strict';
import test from 'node:test';
import { Endpoints } from '../core/endpoints.ts';
import { refused, refusedUpdate } from '../fixtures/objects.ts';
import { EndpointSlice } from './endpointslice.ts';

test('endpoints are addresses that traffic may go to', () => {
  assert.deepEqual(
    refused(Endpoints, (object) => {
      object.subsets = [
        {},
        {
          addresses: [{ ip: '127.0.0.1' }, { ip: 'x' }],
          notReadyAddresses: [{ ip: '224.0.0.1' }],
          ports: [{ port: 0 }, { port: 80, protocol: 'ICMP', name: 'web' }],
        },
      ];
    }),
    [
      'subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`',
      'subsets[1].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'subsets[1].addresses[1].ip: Invalid value: "x": must be a valid IP address',
      'subsets[1].notReadyAddresses[0].ip: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
      'subsets[1].ports[0].name: Required value',
      'subsets[1].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'subsets[1].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
    ],
  );
  assert.deepEqual(
    refusedUpdate(Endpoints, (object) => (object.subsets![0]!.addresses![0]!.nodeName = 'n2')),
    [],
    'an address may come back on another node',
  );
});

test('slices hold one kind of address', () => {
  assert.deepEqual(
    refused(EndpointSlice, (slice) => {
      slice.endpoints = [
        { addresses: [] },
        { addresses: ['fd00::1', '10.0.0.1', '127.0.0.1'], hostname: 'A', hints: { forZones: [{ name: 'a' }, { name: 'a' }] } },
      ];
      slice.ports = [{ name: 'a' }, { name: 'a', port: 70000, protocol: 'ICMP' }];
    }).map((text) => text.replace(/a lowercase RFC.*/, '…')),
    [
      'endpoints[0].addresses: Required value: must contain at least 1 address',
      'endpoints[1].addresses[0]: Invalid value: "fd00::1": must be a valid IPv4 address',
      'endpoints[1].addresses[2]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[1].hostname: Invalid value: "A": …',
      'endpoints[1].hints.forZones[1].name: Duplicate value: "a"',
      'ports[1].name: Duplicate value: "a"',
      'ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      'ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
  );
  assert.deepEqual(
    refused(EndpointSlice, (slice) => (slice.addressType = '')),
    ['addressType: Required value'],
  );
  assert.deepEqual(
    refusedUpdate(EndpointSlice, (slice) => Object.assign(slice, { addressType: 'FQDN', endpoints: [] })),
    ['addressType: Invalid value: "FQDN": field is immutable'],
  );
  assert.deepEqual(EndpointSlice.warnings!({ addressType: 'FQDN' }, undefined), ['addressType: FQDN endpoints are deprecated']);
});

test('names of hosts have two labels or more', () => {
  const named = (...addresses: string[]): string[] =>
    refused(EndpointSlice, (slice) => Object.assign(slice, { addressType: 'FQDN', endpoints: [{ addresses }] }), 'minimal');
  assert.deepEqual(named('a.example.com', 'b.example.com.'), []);
  assert.deepEqual(named('', 'local'), [
    'endpoints[0].addresses[0]: Required value',
    'endpoints[0].addresses[1]: Invalid value: "local": should be a domain with at least two segments separated by dots',
  ]);
  const labels = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`l${i}`, 'x']));
  const many = refused(EndpointSlice, (slice) => (slice.endpoints = [{ addresses: ['10.0.0.1'], deprecatedTopology: labels }]));
  assert.deepEqual(many, ['endpoints[0].deprecatedTopology: Too many: 17: must have at most 16 items']);
});

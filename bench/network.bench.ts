/** One service's endpoint change at 1,000 services × 10 endpoints: watch event to rules in the kernel, against a reload of the whole table. Needs root. */
import { spawnSync } from 'node:child_process';
import { createClient, createFakeApi } from '#client';
import { silentLogger, systemClock } from '#base';
import { EndpointSlice, Service } from '#kinds';
import { startNetwork, tableName } from '#network';
import { median, report } from './lib.ts';

const services = Number(process.env['BENCH_SERVICES'] ?? 1000);
const instance = 'bench';
const api = createFakeApi(systemClock);
const ip = (i: number, j: number): string => `10.213.${i % 200}.${10 + j}`;
for (let i = 0; i < services; i++) {
  const clusterIP = `10.214.${i >> 8}.${i & 255}`;
  api.put(Service, {
    metadata: { namespace: 'default', name: `s${i}` },
    spec: { type: 'NodePort', clusterIP, clusterIPs: [clusterIP], ports: [{ name: 'http', port: 80, nodePort: 30000 + i }] },
  });
  api.put(EndpointSlice, {
    metadata: { namespace: 'default', name: `s${i}-1`, labels: { 'kubernetes.io/service-name': `s${i}` } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080 }],
    endpoints: Array.from({ length: 10 }, (_, j) => ({ addresses: [ip(i, j)], conditions: { ready: true } })),
  });
}

const client = createClient(api, systemClock, silentLogger);
const network = startNetwork({
  client,
  clock: systemClock,
  log: silentLogger,
  instance,
  podCIDR: '10.213.0.0/16',
  serviceCIDR: '10.214.0.0/16',
  nodes: [{ name: 'node-0', ip: '10.213.0.1', podCIDR: '10.213.0.0/24' }],
  dns: { serviceIP: '10.214.255.10', listenIP: '10.213.0.1', port: 0, upstream: [] },
});
try {
  const began = performance.now();
  await network.ready();
  console.log(`${'start with all services'.padEnd(52)} ${(performance.now() - began).toFixed(0).padStart(8)} ms`);
  const changes: number[] = [];
  for (let round = 0; round < 21; round++) {
    const from = performance.now();
    api.edit(EndpointSlice, 'default', `s${round}-1`, (s) => void (s.endpoints = (s.endpoints ?? []).slice(round % 2)));
    api.edit(EndpointSlice, 'default', `s${round}-1`, (s) => void (s.endpoints = (s.endpoints ?? []).slice(1)));
    await network.settled();
    changes.push(performance.now() - from);
  }
  const listed = spawnSync('nft', ['list', 'table', 'ip', tableName(instance)], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout;
  const reloads = Array.from({ length: 5 }, () => {
    const from = performance.now();
    spawnSync('nft', ['-f', '-'], { input: `delete table ip ${tableName(instance)}\n${listed}` });
    return performance.now() - from;
  });
  report(`endpoint change, ${services} services × 10: median`, median(changes), 'ms', { name: 'whole reload', figure: median(reloads) }, '≥ 5×', false);
} finally {
  await network.stop({ remove: true });
  client.close();
}

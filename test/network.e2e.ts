import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient, createFakeApi, type Client, type FakeApi } from '#client';
import { silentLogger, systemClock } from '#base';
import { EndpointSlice, Namespace, Pod, Service, type V1EndpointSlice, type V1Service } from '#kinds';
import { startNetwork, tableName, type Network } from '#network';

/** Real rules, real packets: "pods" are network namespaces attached as CNI's ptp plugin attaches them. Needs root. */
const instance = 'e2enet';
const nodes = [
  { name: 'node-0', ip: '10.211.0.1', podCIDR: '10.211.0.0/24' },
  { name: 'node-1', ip: '10.211.1.1', podCIDR: '10.211.1.0/24' },
];
const vip = (n: number): string => `10.212.0.${n}`;
const a = '10.211.0.5';
const b = '10.211.1.6';
const c = '10.211.0.7';
const outside = '203.0.113.2';
const leases = join(tmpdir(), 'batuta-network-e2e');

let api: FakeApi;
let client: Client;
let network: Network;
const children: ChildProcess[] = [];

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}
function run(command: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout, stderr) => resolve({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, stdout, stderr }));
  });
}
async function ok(line: string): Promise<void> {
  const [command = '', ...args] = line.split(' ');
  const result = await run(command, ...args);
  assert.equal(result.code, 0, `${line}: ${result.stderr}`);
}
const netns = (ip: string): string => `bte2e-${ip.replaceAll('.', '-')}`;
const veth = (ip: string): string => `bte${ip.split('.').slice(2).join('x')}`;

const server = `
const name = process.argv[1];
require('node:http').createServer((q, r) => r.end(name + ' ' + q.socket.remoteAddress)).listen(8080, '0.0.0.0', () => {
  const u = require('node:dgram').createSocket('udp4');
  u.on('message', (m, f) => u.send(name, f.port, f.address));
  u.bind(5353, () => console.log('up'));
});`;

async function serve(ip: string): Promise<ChildProcess> {
  const child = spawn('ip', ['netns', 'exec', netns(ip), process.execPath, '-e', server, ip], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return child;
}
/** Attaches a namespace as containerd attaches a pod: the ptp plugin with host-local addresses. */
async function addPod(ip: string, gateway: string): Promise<void> {
  const ns = netns(ip);
  await ok(`ip netns add ${ns}`);
  await ok(`ip -n ${ns} link set lo up`);
  const subnet = gateway.replace(/1$/, '0/24');
  const ipam = { type: 'host-local', dataDir: leases, ranges: [[{ subnet, gateway }]], routes: [{ dst: '0.0.0.0/0' }] };
  const config = JSON.stringify({ cniVersion: '0.4.0', name: `bte2e-${subnet.replaceAll(/[./]/g, '-')}`, type: 'ptp', ipMasq: false, ipam });
  const env = {
    ...process.env,
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: ns,
    CNI_NETNS: `/var/run/netns/${ns}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/usr/lib/cni',
    CNI_ARGS: `IgnoreUnknown=1;IP=${ip}`,
  };
  const child = spawn('/usr/lib/cni/ptp', { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stdin.end(config);
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, out);
}
/** A machine on the host's network. */
async function addOutside(ip: string, gateway: string): Promise<void> {
  const ns = netns(ip);
  await ok(`ip netns add ${ns}`);
  await ok(`ip link add ${veth(ip)} type veth peer name eth0 netns ${ns}`);
  await ok(`ip addr add ${gateway}/24 dev ${veth(ip)}`);
  await ok(`ip link set ${veth(ip)} up`);
  await ok(`ip -n ${ns} addr add ${ip}/24 dev eth0`);
  await ok(`ip -n ${ns} link set eth0 up`);
  await ok(`ip -n ${ns} route add default via ${gateway}`);
}
async function cleanup(): Promise<void> {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const ip of [a, b, c, outside]) {
    await run('ip', 'netns', 'del', netns(ip));
    await run('ip', 'link', 'del', veth(ip));
  }
  rmSync(leases, { recursive: true, force: true });
}

function start(): Network {
  client = createClient(api, systemClock, silentLogger);
  return startNetwork({
    client,
    clock: systemClock,
    log: silentLogger,
    instance,
    podCIDR: '10.211.0.0/16',
    serviceCIDR: '10.212.0.0/16',
    nodes,
    dns: { serviceIP: vip(10), listenIP: nodes[0]?.ip ?? '', upstream: [] },
  });
}

before(async () => {
  if (process.getuid?.() !== 0) throw new Error('this test needs root');
  await cleanup();
  api = createFakeApi(systemClock);
  api.put(Namespace, { metadata: { name: 'default' } });
  network = start();
  await network.ready();
  for (const [ip, gateway] of [
    [a, '10.211.0.1'],
    [b, '10.211.1.1'],
    [c, '10.211.0.1'],
  ] as const)
    await addPod(ip, gateway);
  await addOutside(outside, '203.0.113.1');
  await Promise.all([a, b, c, outside].map(serve));
});
after(async () => {
  await network.stop({ remove: true });
  client.close();
  await cleanup();
});

let created = 0;
/** A service with its endpoints, applied. Returns its name. */
async function put(n: number, ips: readonly string[], spec: Partial<NonNullable<V1Service['spec']>> = {}): Promise<string> {
  const name = `s${++created}`;
  const ports = [
    { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 },
    { name: 'udp', port: 53, protocol: 'UDP', targetPort: 5353 },
  ];
  api.put(Service, { metadata: { namespace: 'default', name }, spec: { type: 'ClusterIP', clusterIP: vip(n), clusterIPs: [vip(n)], ports, ...spec } });
  api.put(EndpointSlice, sliceOf(name, ips));
  await network.settled();
  return name;
}
function sliceOf(name: string, ips: readonly string[]): V1EndpointSlice {
  return {
    metadata: { namespace: 'default', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'udp', port: 5353, protocol: 'UDP' },
    ],
    endpoints: ips.map((ip) => endpoint(ip)),
  };
}
function endpoint(ip: string): NonNullable<V1EndpointSlice['endpoints']>[number] {
  return {
    addresses: [ip],
    nodeName: ip.startsWith('10.211.1.') ? 'node-1' : 'node-0',
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod', uid: `uid-${ip}` },
  };
}
async function setEndpoints(name: string, ips: readonly string[]): Promise<void> {
  api.edit(EndpointSlice, 'default', `${name}-1`, (s) => void (s.endpoints = ips.map((ip) => endpoint(ip))));
  await network.settled();
}
/** The body, or the error's code. */
function fetchHost(address: string, timeout = 2000): Promise<string> {
  return new Promise((resolve) => {
    const request = get(`http://${address}/`, { agent: false, timeout }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (text: string) => (body += text))
        .on('end', () => resolve(body));
    });
    request.on('timeout', () => request.destroy(Object.assign(new Error('timeout'), { code: 'TIMEOUT' })));
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
async function fetchPod(pod: string, address: string): Promise<string> {
  const result = await run('ip', 'netns', 'exec', netns(pod), 'curl', '-s', '-m', '2', `http://${address}/`);
  return result.code === 0 ? result.stdout : `curl ${result.code}`;
}
/** Requests without pause from `workers` loops until `stop`, which gives what failed and how many did not. */
function startLoad(workers: number, address: (worker: number) => string): { stop(): Promise<{ failures: string[]; done: number }> } {
  const state = { running: true, done: 0, failures: [] as string[] };
  const loops = Array.from({ length: workers }, async (_, worker) => {
    while (state.running) {
      const body = await fetchHost(address(worker), 3000);
      if (body.startsWith('10.211.')) state.done++;
      else state.failures.push(body);
    }
  });
  return {
    async stop() {
      state.running = false;
      await Promise.all(loops);
      return state;
    },
  };
}
const who = (text: string): string => text.split(' ')[0] ?? '';

test('ClusterIP from the host and from a pod reaches every endpoint', async () => {
  await put(20, [a, b]);
  const host = await Promise.all(Array.from({ length: 30 }, () => fetchHost(vip(20))));
  assert.deepEqual([...new Set(host.map(who))].sort(), [a, b]);
  const pod = await Promise.all(Array.from({ length: 16 }, () => fetchPod(c, vip(20))));
  assert.deepEqual([...new Set(pod)].sort(), [`${a} ${c}`, `${b} ${c}`]);
});

test('a pod reaches itself through its service', async () => {
  await put(21, [a]);
  assert.equal(who(await fetchPod(a, vip(21))), a);
});

test('NodePort on node IPs, on localhost, from pods and from outside with the client address kept', async () => {
  await put(22, [a, b], { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30981 }] });
  for (const address of ['127.0.0.1', '10.211.0.1', '10.211.1.1', 'localhost']) assert.match(await fetchHost(`${address}:30981`), /^10\.211\./, address);
  assert.match(await fetchPod(c, '10.211.0.1:30981'), /^10\.211\./);
  assert.match(await fetchPod(a, '10.211.0.1:30981'), /^10\.211\./);
  assert.match(await fetchPod(outside, '10.211.1.1:30981'), / 203\.0\.113\.2$/);
});

test('pods leave the cluster under an address of the host', async () => {
  assert.equal(await fetchPod(a, `${outside}:8080`), `${outside} 203.0.113.1`);
});

test('no endpoints: connection refused everywhere, at once; addresses without a service too', async () => {
  const name = await put(23, [], { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30982 }] });
  assert.equal(await fetchHost(vip(23)), 'ECONNREFUSED');
  assert.equal(await fetchPod(c, vip(23)), 'curl 7');
  assert.equal(await fetchHost('127.0.0.1:30982'), 'ECONNREFUSED');
  assert.equal(await fetchPod(c, '10.211.0.1:30982'), 'curl 7');
  assert.equal(await fetchHost(vip(250)), 'ECONNREFUSED');
  assert.equal(await fetchPod(c, vip(250)), 'curl 7');
  await setEndpoints(name, [b]);
  assert.equal(who(await fetchHost(vip(23))), b);
});

test('connections to a pod that does not exist fail at once', async () => {
  assert.equal(await fetchHost('10.211.0.99:80'), 'EHOSTUNREACH');
});

test('ClientIP affinity holds', async () => {
  await put(24, [a, b, c], { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } });
  const seen = new Set((await Promise.all(Array.from({ length: 12 }, () => fetchHost(vip(24))))).map(who));
  assert.equal(seen.size, 1);
});

test('Local policies keep to the node', async () => {
  await put(25, [a, b], {
    internalTrafficPolicy: 'Local',
    externalTrafficPolicy: 'Local',
    type: 'NodePort',
    ports: [{ name: 'http', port: 80, nodePort: 30983 }],
  });
  const inner = await Promise.all(Array.from({ length: 10 }, () => fetchPod(c, vip(25))));
  assert.deepEqual([...new Set(inner.map(who))], [a]);
  const outer = await Promise.all(Array.from({ length: 10 }, () => fetchPod(outside, '10.211.1.1:30983')));
  assert.deepEqual([...new Set(outer.map(who))], [b]);
});

test('external IPs and load balancer addresses', async () => {
  const name = await put(26, [a], { type: 'LoadBalancer', externalIPs: ['198.51.100.7'], ports: [{ name: 'http', port: 80 }] });
  api.edit(Service, 'default', name, (s) => void (s.status = { loadBalancer: { ingress: [{ ip: '198.51.100.8' }] } }));
  await network.settled();
  assert.equal(who(await fetchPod(outside, '198.51.100.7')), a);
  assert.equal(who(await fetchPod(b, '198.51.100.8')), a);
});

test('UDP: a client that keeps its port moves to the endpoint that is left', async () => {
  const name = await put(27, [a]);
  const socket = createSocket('udp4');
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve('timeout'), 1000);
      socket.once('message', (message: Buffer) => {
        clearTimeout(timer);
        resolve(message.toString());
      });
      socket.send('x', 53, vip(27));
    });
  assert.equal(await ask(), a);
  await setEndpoints(name, [b]);
  await wait(100);
  assert.equal(await ask(), b);
  socket.close();
});

test('host ports on the node IP and on localhost', async () => {
  api.put(Pod, {
    metadata: { namespace: 'default', name: 'hp' },
    spec: { nodeName: 'node-1', containers: [{ name: 'c', ports: [{ containerPort: 8080, hostPort: 30984 }] }] },
    status: { phase: 'Running', podIP: b },
  });
  await network.settled();
  assert.equal(who(await fetchHost('127.0.0.1:30984')), b);
  assert.equal(who(await fetchHost('10.211.1.1:30984')), b);
  assert.equal(who(await fetchPod(outside, '10.211.1.1:30984')), b);
  assert.equal(await fetchHost('10.211.0.1:30984'), 'ECONNREFUSED');
  api.drop(Pod, 'default', 'hp');
  await network.settled();
  assert.equal(await fetchHost('127.0.0.1:30984'), 'ECONNREFUSED');
});

test('endpoints come and go under load: not one failed connection; each change within 150 ms', async () => {
  const name = await put(28, [a, b], { type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30985 }] });
  const load = startLoad(6, (worker) => (worker % 2 ? vip(28) : '127.0.0.1:30985'));
  const costs: number[] = [];
  for (const ips of [[a], [b, c], [a, c], [b], [a, b, c], [c], [a, b]]) {
    const from = performance.now();
    await setEndpoints(name, ips);
    costs.push(performance.now() - from);
    await wait(100);
  }
  const { failures, done } = await load.stop();
  assert.deepEqual(failures, []);
  assert.ok(done > 100, `${done} requests`);
  assert.ok(Math.min(...costs) < 150, `changes took ${costs.map(Math.round).join(', ')} ms`);
});

test('withdrawn: a pod may stop when it resolves, and no request is lost', async () => {
  const name = await put(29, [a, c]);
  const load = startLoad(4, () => vip(29));
  await wait(100);
  let resolved = false;
  const withdrawn = network.withdrawn(`uid-${c}`).then((result) => ((resolved = true), result));
  await wait(50);
  assert.equal(resolved, false, 'waits for the slice');
  for (const slice of api.all(EndpointSlice)) {
    if (slice.metadata?.name === `${name}-1`) continue;
    api.edit(EndpointSlice, 'default', slice.metadata?.name ?? '', (s) => void (s.endpoints = (s.endpoints ?? []).filter((e) => e.addresses[0] !== c)));
  }
  api.edit(EndpointSlice, 'default', `${name}-1`, (s) => {
    for (const e of s.endpoints ?? []) if (e.addresses[0] === c) e.conditions = { ready: false, serving: true, terminating: true };
  });
  assert.equal(await withdrawn, true);
  const victim = children.find((child) => child.spawnargs.includes(c));
  await wait(20); // the answers under way
  victim?.kill('SIGKILL');
  await wait(300);
  assert.deepEqual((await load.stop()).failures, []);
  assert.equal(await network.withdrawn('10.211.0.200'), true, 'nobody selects it: at once');
  await serve(c);
});

test('cluster DNS answers pods through its service, over UDP and TCP', async () => {
  api.put(Service, {
    metadata: { namespace: 'kube-system', name: 'kube-dns' },
    spec: {
      type: 'ClusterIP',
      clusterIP: vip(10),
      clusterIPs: [vip(10)],
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      ],
    },
  });
  api.put(EndpointSlice, {
    metadata: { namespace: 'kube-system', name: 'kube-dns-1', labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    ports: [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    ],
    endpoints: [{ addresses: [nodes[0]?.ip ?? ''], conditions: { ready: true } }],
  });
  await put(30, [a]);
  await put(0, [a, b], { clusterIP: 'None', clusterIPs: ['None'] });
  const names = [`s${created - 1}.default.svc.cluster.local`, `s${created}.default.svc.cluster.local`];
  const script = `const r = new (require('node:dns').promises.Resolver)({ timeout: 1000, tries: 1 }); r.setServers(['${vip(10)}']);
    Promise.all(${JSON.stringify(names)}.map((n) => r.resolve4(n))).then((x) => console.log(JSON.stringify(x.map((l) => l.sort()))), (e) => console.log(e.code));`;
  const result = await run('ip', 'netns', 'exec', netns(b), process.execPath, '-e', script);
  assert.deepEqual(JSON.parse(result.stdout), [[vip(30)], [a, b]]);
  const tcp = await run(
    'ip',
    'netns',
    'exec',
    netns(b),
    process.execPath,
    '-e',
    `require('node:net').connect(53, '${vip(10)}', () => { console.log('connected'); process.exit(0); })`,
  );
  assert.equal(tcp.stdout.trim(), 'connected');
});

test('a table that somebody flushed comes back with the next change', async () => {
  await put(31, [a]);
  await ok(`nft delete table ip ${tableName(instance)}`);
  await put(32, [b]);
  assert.equal(who(await fetchHost(vip(31))), a);
  assert.equal(who(await fetchHost(vip(32))), b);
});

test('a restart adopts: traffic goes on without the process and through the new one', async () => {
  await put(33, [a, b]);
  await network.stop({ remove: false });
  client.close();
  assert.match(await fetchHost(vip(33)), /^10\.211\./);
  const load = startLoad(1, () => vip(33));
  network = start();
  await network.ready();
  await network.settled();
  assert.deepEqual((await load.stop()).failures, []);
});

test('stop with remove leaves nothing', async () => {
  await network.stop({ remove: true });
  const left = await Promise.all([run('nft', 'list', 'tables'), run('ip', 'link'), run('ip', 'route')]);
  for (const result of left) assert.ok(!result.stdout.includes(`batuta-${instance}`), result.stdout);
  assert.ok(!left[2]?.stdout.includes('10.211.0.0/16') && !left[2]?.stdout.includes('10.212.'), left[2]?.stdout);
  network = start();
  await network.ready();
});

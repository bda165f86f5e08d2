import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, settle, silentLogger } from '#base';
import type { Host, RunResult } from './host.ts';
import { service, settings, slice } from './nft/fixtures.ts';
import { serviceUnit } from './nft/service.ts';
import type { Unit } from './nft/unit.ts';
import { Programmer } from './programmer.ts';

interface Call {
  text: string;
  finish(result?: Partial<RunResult>): void;
}

/** A host whose nft ends when the test says so. */
function setup(): { programmer: Programmer; calls: Call[]; units: Map<string, Unit>; clock: FakeClock; commands: string[]; written: string[] } {
  const calls: Call[] = [];
  const commands: string[] = [];
  const written: string[] = [];
  const host: Host = {
    run: (command, args, input) => {
      commands.push([command, ...args].join(' '));
      if (command !== 'nft' || args[0] === 'list') return Promise.resolve({ code: args[0] === 'list' ? 1 : 0, stdout: '', stderr: '' });
      return new Promise((resolve) => calls.push({ text: input ?? '', finish: (result = {}) => resolve({ code: 0, stdout: '', stderr: '', ...result }) }));
    },
    read: async () => 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\nveth7\t0500400A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n',
    write: async (path, text) => void written.push(`${path}=${text}`),
  };
  const units = new Map<string, Unit>();
  const clock = new FakeClock();
  const programmer = new Programmer({ host, clock, log: silentLogger, settings, compile: (key) => units.get(key) });
  return { programmer, calls, units, clock, commands, written };
}
const web = (ips: readonly string[], spec = {}): Unit =>
  serviceUnit(
    service('web', spec),
    [
      slice(
        'web',
        ips.map((ip) => ({ ip, uid: `uid-${ip}` })),
      ),
    ],
    settings,
  );
async function started(s: ReturnType<typeof setup>): Promise<void> {
  const start = s.programmer.start();
  await settle();
  s.calls.shift()?.finish();
  await start;
}

test('starts with the whole table, then sends differences; what arrives while nft runs goes together', async () => {
  const s = setup();
  s.units.set('a', web(['10.64.0.5']));
  s.programmer.mark('a');
  const start = s.programmer.start();
  await settle();
  assert.match(s.calls[0]?.text ?? '', /^table ip batuta-test\ndelete table ip batuta-test\ntable ip batuta-test \{/);
  for (const ips of [['10.64.0.6'], ['10.64.0.6', '10.64.0.7']]) {
    s.units.set('a', web(ips));
    s.programmer.mark('a');
  }
  s.calls[0]?.finish();
  await start;
  const settled = s.programmer.settled();
  await settle();
  assert.equal(s.calls.length, 2);
  assert.match(s.calls[1]?.text ?? '', /^flush chain .*\nadd rule .* mod 2 map/);
  s.calls[1]?.finish();
  await settled;
  assert.equal(s.calls.length, 2);
});

test('a refused difference is followed by the whole table; a refused table by a new try later', async () => {
  const s = setup();
  await started(s);
  s.units.set('a', web(['10.64.0.5']));
  s.programmer.mark('a');
  await settle();
  s.calls[0]?.finish({ code: 1, stderr: 'No such file or directory' });
  await settle();
  assert.match(s.calls[1]?.text ?? '', /^table ip batuta-test\n/);
  s.calls[1]?.finish({ code: 1, stderr: 'busy' });
  let done = false;
  void s.programmer.settled().then(() => (done = true));
  await s.clock.advance(200);
  assert.equal(s.calls.length, 2);
  await s.clock.advance(100);
  assert.match(s.calls[2]?.text ?? '', /10\.64\.0\.5/);
  assert.equal(done, false);
  s.calls[2]?.finish();
  await settle();
  assert.equal(done, true);
});

test('start rejects when nft does', async () => {
  const s = setup();
  const start = s.programmer.start();
  await settle();
  s.calls[0]?.finish({ code: 127, stderr: 'spawn nft ENOENT' });
  await assert.rejects(start, /nft -f -: spawn nft ENOENT \(install the package that has nft\)/);
  await s.programmer.close();
});

test('withdrawn waits until the rules without the pod are applied', async () => {
  const s = setup();
  s.units.set('a', web(['10.64.0.5', '10.64.0.6']));
  s.programmer.mark('a');
  await started(s);
  assert.equal(await s.programmer.withdrawn('10.64.0.9', 2000), true);
  let result: boolean | undefined;
  void s.programmer.withdrawn('uid-10.64.0.6', 2000).then((r) => (result = r));
  await s.clock.advance(500);
  assert.equal(result, undefined);
  s.units.set('a', web(['10.64.0.5']));
  s.programmer.mark('a');
  await settle();
  assert.equal(result, undefined);
  s.calls[0]?.finish();
  await settle();
  assert.equal(result, true);
});

test('withdrawn gives up after its limit', async () => {
  const s = setup();
  s.units.set('a', web(['10.64.0.5']));
  s.programmer.mark('a');
  await started(s);
  let result: boolean | undefined;
  void s.programmer.withdrawn('10.64.0.5', 2000).then((r) => (result = r));
  await s.clock.advance(2001);
  assert.equal(result, false);
});

test('a table that is gone is restored by the periodic check', async () => {
  const s = setup();
  await started(s);
  await s.clock.advance(30_000);
  assert.match(s.calls[0]?.text ?? '', /^table ip batuta-test\n/);
  s.calls[0]?.finish();
});

test('UDP flows to a vanished endpoint are forgotten; localhost is opened on the pod interface, once', async () => {
  const s = setup();
  await started(s);
  const dns = (ips: string[]): Unit =>
    serviceUnit(
      service('dns', { type: 'NodePort', ports: [{ name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 }] }),
      [slice('dns', ips, [{ name: 'dns', port: 53, protocol: 'UDP' }])],
      settings,
    );
  for (const ips of [['10.64.0.5', '10.64.0.6'], ['10.64.0.5']]) {
    s.units.set('a', dns(ips));
    s.programmer.mark('a');
    await settle();
    s.calls.shift()?.finish();
    await settle();
  }
  assert.deepEqual(
    s.commands.filter((c) => c.startsWith('conntrack')),
    ['conntrack -D -p udp --reply-src 10.64.0.6'],
  );
  assert.deepEqual(s.written, ['/proc/sys/net/ipv4/conf/veth7/route_localnet=1']);
});

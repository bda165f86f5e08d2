import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Host } from './host.ts';
import { ensureLinks, findConflict, hostRoutes, linkName, removeLinks, type LinkSettings } from './links.ts';

const settings: LinkSettings = { link: 'batuta-a1', podCIDR: '10.64.0.0/16', serviceCIDR: '10.96.0.0/16', addresses: ['10.64.0.1', '10.64.1.1'] };

function fakeHost(answers: Record<string, unknown>): { host: Host; commands: string[] } {
  const commands: string[] = [];
  const host: Host = {
    run: async (command, args, input) => {
      const line = [command, ...args].join(' ');
      if (input === undefined) commands.push(line);
      else
        commands.push(
          ...input
            .trim()
            .split('\n')
            .map((l) => `ip ${l}`),
        );
      return { code: 0, stdout: line in answers ? JSON.stringify(answers[line]) : '', stderr: '' };
    },
    read: async () => '0\n',
    write: async (path, text) => void commands.push(`${path}=${text}`),
  };
  return { host, commands };
}
const changes = (commands: readonly string[]): string[] => commands.filter((c) => !c.includes('-j'));

test('makes interface, addresses, routes', async () => {
  const { host, commands } = fakeHost({});
  await ensureLinks(host, settings);
  assert.deepEqual(changes(commands), [
    'ip link add batuta-a1 type bridge',
    'ip link set batuta-a1 up',
    'ip addr replace 10.64.0.1/32 dev batuta-a1',
    'ip addr replace 10.64.1.1/32 dev batuta-a1',
    'ip route replace 10.96.0.0/16 dev batuta-a1 src 10.64.0.1',
    'ip route replace unreachable 10.64.0.0/16',
    '/proc/sys/net/ipv4/ip_forward=1',
  ]);
});

test('adopts what a crash left, and drops addresses of nodes that are gone', async () => {
  const { host, commands } = fakeHost({
    'ip -j -4 addr show': [
      {},
      {
        ifname: 'batuta-a1',
        addr_info: [
          { local: '10.64.0.1', prefixlen: 32 },
          { local: '10.64.2.1', prefixlen: 32 },
        ],
      },
    ],
    'ip -j -d link show': [
      { ifname: 'batuta-a1', linkinfo: { info_kind: 'bridge' } },
      { ifname: 'veth1', linkinfo: { info_kind: 'veth' } },
    ],
    'ip -j -4 route show': [
      { dst: '10.96.0.0/16', dev: 'batuta-a1' },
      { dst: '10.64.0.5', dev: 'veth1' },
    ],
  });
  await ensureLinks(host, settings);
  const made = changes(commands);
  assert.ok(!made.some((c) => c.startsWith('ip link add')) && !made.includes('ip addr replace 10.64.0.1/32 dev batuta-a1'));
  assert.ok(made.includes('ip addr del 10.64.2.1/32 dev batuta-a1'));
});

test('removing takes only what is there', async () => {
  const none = fakeHost({});
  await removeLinks(none.host, settings);
  assert.deepEqual(changes(none.commands), []);
  const some = fakeHost({ 'ip -j link show': [{ ifname: 'batuta-a1' }], 'ip -j -4 route show type unreachable': [{ dst: '10.64.0.0/16' }] });
  await removeLinks(some.host, settings);
  assert.deepEqual(changes(some.commands), ['ip link del batuta-a1', 'ip route del unreachable 10.64.0.0/16']);
});

test('ranges in use are named; wider routes and pods are no conflict', () => {
  const kinds = new Map([
    ['eth0', ''],
    ['docker0', 'bridge'],
    ['veth1', 'veth'],
    ['batuta-b2', 'bridge'],
  ]);
  const conflict = (links: Parameters<typeof findConflict>[1], routes: Parameters<typeof findConflict>[2]): string | undefined =>
    findConflict(settings, links, routes, kinds);
  assert.equal(
    conflict(
      [],
      [
        { dst: 'default', dev: 'eth0' },
        { dst: '10.0.0.0/8', dev: 'eth0' },
        { dst: '10.64.0.9', dev: 'veth1' },
        { dst: '10.64.0.0/16', type: 'unreachable' },
      ],
    ),
    undefined,
  );
  assert.match(
    conflict([{ ifname: 'batuta-b2', addr_info: [{ local: '10.64.0.1', prefixlen: 32 }] }], []) ?? '',
    /address 10\.64\.0\.1 of interface batuta-b2 is inside 10\.64\.0\.0\/16: choose other/,
  );
  assert.match(conflict([], [{ dst: '10.96.8.0/24', dev: 'docker0' }]) ?? '', /route 10\.96\.8\.0\/24 of interface docker0 is inside 10\.96\.0\.0\/16/);
  assert.match(findConflict({ ...settings, serviceCIDR: '10.64.128.0/17' }, [], [], kinds) ?? '', /overlap/);
});

test('names and /proc/net/route', () => {
  assert.equal(linkName('abcdefgh'), 'batuta-abcdefgh');
  assert.throws(() => linkName('Too-Long-Id'), /1 to 8/);
  assert.deepEqual(
    [
      ...hostRoutes(
        'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\nv1\t0500400A\t0\t5\t0\t0\t0\tFFFFFFFF\t0\neth0\t00000000\t0\t3\t0\t0\t0\t00000000\t0\n',
      ),
    ],
    [['10.64.0.5', 'v1']],
  );
});

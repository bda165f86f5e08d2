import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { seededRandom, silentLogger, systemClock } from '#base';
import { ipv6Bytes } from './message.ts';
import { Responder, type Forwarder } from './responder.ts';
import { startDnsServer } from './server.ts';
import { sampleZone } from './testing.ts';
import { lengthPrefix, parseResolvConf, Upstream } from './upstream.ts';
import type { Zone } from './zone.ts';

const nobody: Forwarder = { forward: async () => undefined };
const owns = (ip: string): boolean => ip.startsWith('10.');
function query(name: string, type: 'A' | 'AAAA' | 'SRV' | 'CNAME' = 'A', udpPayloadSize?: number): Buffer {
  const additionals = udpPayloadSize
    ? [{ type: 'OPT' as const, name: '.' as const, udpPayloadSize, flags: 0, extendedRcode: 0, ednsVersion: 0, flag_do: false, options: [] }]
    : [];
  return encode({ type: 'query', id: 4711, flags: 0x0100, questions: [{ type, name }], additionals });
}
async function ask(
  bytes: Buffer,
  options: { upstream?: Forwarder; zone?: Zone; tcp?: boolean } = {},
): Promise<Packet & { rcode: string; flag_tc: boolean; bytes: number }> {
  const responder = new Responder({ zone: options.zone ?? sampleZone(), upstream: options.upstream ?? nobody, owns });
  const reply = await responder.respond(bytes, options.tcp ?? false);
  assert.ok(reply);
  return { ...(decode(reply) as unknown as Packet & { rcode: string; flag_tc: boolean }), bytes: reply.length };
}
const data = (packet: Packet): unknown[] => (packet.answers ?? []).map((a) => ('data' in a ? a.data : undefined));

test('an answer keeps the id and the letters of the question', async () => {
  const packet = await ask(query('Web.default.SVC.cluster.local'));
  assert.deepEqual([packet.id, packet.rcode, data(packet), packet.answers?.[0]?.name], [4711, 'NOERROR', ['10.96.0.5'], 'Web.default.SVC.cluster.local']);
});

test('records of every sort survive the wire', async () => {
  assert.deepEqual(data(await ask(query('web.default.svc.cluster.local', 'AAAA'))), ['fd00::5']);
  const srv = await ask(query('_pg._tcp.db.default.svc.cluster.local', 'SRV'));
  assert.equal(srv.answers?.length, 3);
  assert.equal(srv.additionals?.length, 3);
  assert.deepEqual(
    (await ask(query('nope.default.svc.cluster.local'))).authorities?.map((r) => r.type),
    ['SOA'],
  );
});

test('what does not fit is cut with TC, over TCP it is whole', async () => {
  const zone = sampleZone();
  zone.setEndpoints(
    'default/db',
    Array.from({ length: 150 }, (_, i) => ({ ip: `10.64.1.${i}`, hostname: undefined, ports: [] })),
  );
  const name = 'db.default.svc.cluster.local';
  const plain = await ask(query(name), { zone });
  assert.ok(plain.flag_tc && plain.bytes <= 512 && (plain.answers?.length ?? 0) > 20);
  const edns = await ask(query(name, 'A', 4096), { zone });
  assert.ok(edns.flag_tc && edns.bytes <= 1232 && edns.bytes > 1100);
  assert.equal(edns.additionals?.[0]?.type, 'OPT');
  const tcp = await ask(query(name), { zone, tcp: true });
  assert.ok(!tcp.flag_tc && tcp.answers?.length === 150);
});

test('ExternalName: inside the zone, from upstream, or SERVFAIL', async () => {
  assert.deepEqual(data(await ask(query('alias.default.svc.cluster.local'))), ['web.default.svc.cluster.local', '10.96.0.5']);
  const upstream: Forwarder = {
    forward: async (bytes) =>
      encode({
        type: 'response',
        id: decode(bytes).id ?? 0,
        questions: decode(bytes).questions ?? [],
        answers: [{ type: 'A', name: 'example.org', ttl: 60, data: '192.0.2.1' }],
      }),
  };
  assert.deepEqual(data(await ask(query('out.default.svc.cluster.local'), { upstream })), ['example.org', '192.0.2.1']);
  assert.equal((await ask(query('out.default.svc.cluster.local'))).rcode, 'SERVFAIL');
  assert.deepEqual(data(await ask(query('out.default.svc.cluster.local', 'CNAME'))), ['example.org']);
});

test('other names go upstream as they are; nobody there is SERVFAIL', async () => {
  const upstream: Forwarder = { forward: async (bytes) => Buffer.from(bytes) };
  const responder = new Responder({ zone: sampleZone(), upstream, owns });
  const bytes = query('example.org', 'A', 1232);
  assert.deepEqual(await responder.respond(bytes, false), bytes);
  assert.equal((await ask(query('example.org'))).rcode, 'SERVFAIL');
});

test('bad input: answered or ignored, never thrown', async () => {
  const responder = new Responder({ zone: sampleZone(), upstream: nobody, owns });
  const rcode = async (bytes: Buffer): Promise<number | undefined> => (await responder.respond(bytes, false))?.readUInt8(3);
  assert.equal(await responder.respond(Buffer.from('short'), false), undefined);
  assert.equal(await responder.respond(encode({ type: 'response', id: 1, questions: [{ type: 'A', name: 'a' }] }), false), undefined);
  assert.equal((await rcode(query('web.default.svc.cluster.local').subarray(0, 20)))! & 15, 1);
  const status = query('a');
  status.writeUInt8(0x10, 2);
  assert.equal((await rcode(status))! & 15, 4);
  const random = seededRandom(7);
  for (let i = 0; i < 3000; i++) {
    const bytes = query('_pg._tcp.db.default.svc.cluster.local', 'SRV', 1232);
    for (let k = 0; k < 4; k++) bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
    await responder.respond(bytes.subarray(0, Math.floor(random.next() * 8) === 0 ? Math.floor(random.next() * bytes.length) : bytes.length), i % 2 === 0);
  }
});

test('server: UDP and TCP on one port, and upstream between two of them', async () => {
  const start = (zone: Zone, upstream: Forwarder) => {
    const responder = new Responder({ zone, upstream, owns });
    return startDnsServer({ ip: '127.0.0.1', port: 0, clock: systemClock, log: silentLogger, respond: (m, tcp) => responder.respond(m, tcp) });
  };
  const far = await start(sampleZone(), nobody);
  const dead = await start(sampleZone(), nobody);
  await dead.close();
  const { Zone: EmptyZone } = await import('./zone.ts');
  const upstream = new Upstream({ clock: systemClock, random: seededRandom(1), servers: [`127.0.0.1:${dead.port}`, `127.0.0.1:${far.port}`], exclude: [] });
  const near = await start(new EmptyZone('other.local'), upstream);
  assert.deepEqual(data(await overUdp(near.port, query('web.default.svc.cluster.local'))), ['10.96.0.5']);
  assert.deepEqual(data(await overTcp(near.port, query('web.default.svc.cluster.local'))), ['10.96.0.5']);
  await Promise.all([near.close(), far.close()]);
});

test('two tries, then SERVFAIL; resolv.conf is read and ourselves are left out', async () => {
  assert.deepEqual(parseResolvConf('# x\nnameserver 10.0.0.2\nsearch a\n nameserver fe80::1%eth0\nnameserver bad\n'), ['10.0.0.2', 'fe80::1%eth0']);
  const upstream = new Upstream({
    clock: systemClock,
    random: seededRandom(1),
    servers: undefined,
    exclude: ['10.64.0.1'],
    resolvConf: async () => 'nameserver 10.64.0.1\n',
  });
  assert.equal(await upstream.forward(query('example.org'), false), undefined);
});

test('IPv6 text to bytes', () => {
  assert.equal(ipv6Bytes('fd00::5').toString('hex'), 'fd000000000000000000000000000005');
  assert.equal(ipv6Bytes('::').toString('hex'), '0'.repeat(32));
  assert.equal(ipv6Bytes('::ffff:10.0.0.1').toString('hex'), '00000000000000000000ffff0a000001');
  assert.equal(ipv6Bytes('1:2:3:4:5:6:7:8').toString('hex'), '00010002000300040005000600070008');
});

function overUdp(port: number, bytes: Buffer): Promise<Packet> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.on('message', (message: Buffer) => {
      socket.close();
      resolve(decode(message));
    });
    socket.send(bytes, port, '127.0.0.1');
  });
}
function overTcp(port: number, bytes: Buffer): Promise<Packet> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.concat([lengthPrefix(bytes), bytes])));
    socket.on('data', (chunk: Buffer) => {
      socket.destroy();
      resolve(decode(chunk.subarray(2)));
    });
  });
}
